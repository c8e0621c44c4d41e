"""Applications that are installed on devices, with their versions, and what an SDK is configured with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from tokenauth.admin import badges
from tokenauth.core.token_arguments import valid_name
from tokenauth.devices import applications
from tokenauth.devices.models import ApplicationVersion, DeviceApplication
from tokenauth.devices.protocol import elliptic_curve
from tokenauth.devices.protocol.octets import encoded
from tokenauth.devices.protocol.sdk_configuration import SdkConfiguration

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


class NameForm(forms.ModelForm):
    """Of what has a name."""

    def clean_name(self) -> str:
        return valid_name(self.cleaned_data["name"])


class VersionInline(admin.StackedInline):
    """The versions of an application. One that is not to be used any more is not supported, and stays."""

    model = ApplicationVersion
    form = NameForm
    extra = 0
    can_delete = False
    fields = ("name", "is_supported", "configuration")
    readonly_fields = ("configuration",)

    def get_min_num(self, request: HttpRequest, obj: DeviceApplication | None = None, **kwargs: Any) -> int:
        # Without one, it is of no use.
        return 1 if obj is None else 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApplicationVersion]:
        return super().get_queryset(request).select_related("application")

    @admin.display(description=_("what its SDK is configured with"))
    @sensitive_variables()
    def configuration(self, version: ApplicationVersion) -> str:
        if version._state.adding:
            return gettext("It is shown once the version is saved.")
        try:
            text = applications.sdk_configuration(version)
        except ImproperlyConfigured as error:
            # Whoever has lost the key can still take "supported" away.
            return str(error)
        parts = SdkConfiguration.parse(text)
        master = encoded(elliptic_curve.public_octets(parts.master_public_key))
        rows = (
            (gettext("SDK configuration"), text),
            (gettext("Or, by parts: application key"), parts.application_key),
            (gettext("application secret"), parts.application_secret),
            (gettext("master public key"), master),
        )
        facts = format_html_join("", "<div><dt>{}</dt><dd><code>{}</code></dd></div>", rows)
        return format_html('<dl class="tokenauth-facts">{}</dl>', facts)

    def get_fields(self, request: HttpRequest, obj: DeviceApplication | None = None) -> Any:
        # Who only looks at it does not build it.
        shows_all = self.has_change_permission(request, obj)
        return [name for name in self.fields if shows_all or name != "configuration"]


@admin.register(DeviceApplication)
class DeviceApplicationAdmin(admin.ModelAdmin):
    """Applications. Their keys are made here, and never change."""

    form = NameForm
    inlines = (VersionInline,)
    list_display = ("named", "versions", "created_at")
    search_fields = ("name", "versions__name")
    fields = ("name", "id", "created_at")
    readonly_fields = ("id", "created_at")

    class Media:
        css = {"all": ["tokenauth/admin.css"]}

    def get_fields(self, request: HttpRequest, obj: DeviceApplication | None = None) -> Any:
        # What a form could show before there is an application, is not what it will have.
        return self.fields if obj is not None else ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeviceApplication]:
        return super().get_queryset(request).prefetch_related("versions")

    @admin.display(description=_("name"), ordering="name")
    def named(self, application: DeviceApplication) -> str:
        return badges.lines(application.name, str(application.pk))

    @admin.display(description=_("versions"))
    def versions(self, application: DeviceApplication) -> str:
        shown = (
            (badges.badge("active" if version.is_supported else "unused", version.name),)
            for version in application.versions.all()
        )
        return format_html_join(" ", "{}", shown) or "-"

    def save_model(self, request: HttpRequest, obj: DeviceApplication, form: Any, change: bool) -> None:
        if not change:
            if obj.pk is None:
                # A formset takes it away from an instance that is new.
                obj.pk = obj._meta.pk.get_default()
            applications.give_master_key(obj)
        super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for version in formset.save(commit=False):
            if version._state.adding:
                applications.give_secret(version)
            version.save()
        formset.save_m2m()
