"""The forms of an application and of its policy: what the admin asks, and what the command is judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import get_application_model

from tokenauth.conf import conf
from tokenauth.oauth import redirects
from tokenauth.oauth.client_authentication import is_public
from tokenauth.oauth.models import ApplicationPolicy, Grant
from tokenauth.oauth.scopes import Scopes

if TYPE_CHECKING:
    from collections.abc import Iterator


class _LinesField(forms.CharField):
    """A list of texts, one a line."""

    widget = forms.Textarea(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, list) else str(value or "").split()

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(initial) != self.to_python(data))


class ApplicationForm(forms.ModelForm):
    """Who the application is. Its secret is made, and not typed."""

    redirect_uris = _LinesField(
        label=_("Redirect URIs"),
        required=False,
        help_text=_(
            "Where people are sent back to, character by character; one a line. On a device, "
            "http://127.0.0.1/… stands for any port."
        ),
    )

    class Meta:
        model = get_application_model()
        fields = ("name", "client_type", "redirect_uris")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["redirect_uris"] = self.instance.redirect_uris.split()
        if "client_type" not in self.fields:
            # Whoever may look alone is given no field by the admin.
            return
        self.fields["name"].required = True
        client_type: Any = self.fields["client_type"]
        client_type.label, client_type.help_text = (
            _("Client type"),
            _("Confidential: it runs on a server, and has a secret. Public: it runs on people's devices."),
        )
        # As django-oauth-toolkit calls them, which speaks English alone.
        client_type.choices = [
            ("", "---------"),
            (self.instance.CLIENT_CONFIDENTIAL, _("Confidential")),
            (self.instance.CLIENT_PUBLIC, _("Public")),
        ]

    def clean_redirect_uris(self) -> str:
        uris = self.cleaned_data["redirect_uris"]
        insecure = [uri for uri in uris if not redirects.is_safe(uri)]
        if insecure:
            message = gettext("“%(uri)s” is neither https nor a loopback address (http://127.0.0.1/…).")
            raise ValidationError([message % {"uri": uri} for uri in insecure])
        return " ".join(uris)

    def _post_clean(self) -> None:
        application = self.instance
        # django-oauth-toolkit has one grant an application, and asks of it whether there are addresses.
        application_uris = self.cleaned_data.get("redirect_uris") or ""
        application.authorization_grant_type = (
            application.GRANT_AUTHORIZATION_CODE if application_uris else application.GRANT_CLIENT_CREDENTIALS
        )
        # Nor does it tell a loopback address from any other, and knows one list of schemes for all.
        schemes = {redirects.scheme(uri) for uri in application_uris.split()}
        application.get_allowed_schemes = lambda: schemes
        super()._post_clean()  # type: ignore[misc]


class _ChoicesField(forms.MultipleChoiceField):
    widget = forms.CheckboxSelectMultiple


class PolicyForm(forms.ModelForm):
    """What the application may do."""

    grants = _ChoicesField(label=_("Grants"), choices=Grant.choices)
    is_disabled = forms.BooleanField(
        label=_("Disabled"),
        required=False,
        help_text=_("It gets no token, and its tokens are refused at once."),
    )
    allowed_networks = _LinesField(
        label=_("Allowed networks"),
        required=False,
        help_text=_(
            "Where the application and its tokens come from; people's browsers may be anywhere. One a line. "
            "Empty: any address."
        ),
    )

    class Meta:
        model = ApplicationPolicy
        fields = ("grants", "scopes", "first_party", "organization", "allowed_networks", "may_introspect")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if conf.SCOPES:
            choices = [
                (name, f"{description} ({name})") for name, description in Scopes().get_all_scopes().items()
            ]
            self.fields["scopes"] = _ChoicesField(
                label=_("Scopes"), choices=choices, help_text=self.fields["scopes"].help_text
            )
        else:
            self.fields["scopes"] = _LinesField(label=_("Scopes"), help_text=_("One a line."))
        self.fields["is_disabled"].initial = self.instance.is_disabled

    def has_changed(self) -> bool:
        # One that is left as it is, is a policy too.
        return self.instance._state.adding or super().has_changed()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        grants = cleaned.get("grants", [])
        if Grant.PASSWORD in grants and not cleaned.get("first_party"):
            self.add_error("grants", _("A password is asked for by first-party applications alone."))
        return cleaned

    def save(self, commit: bool = True) -> ApplicationPolicy:
        if not self.cleaned_data["is_disabled"]:
            self.instance.disabled_at = None
        elif self.instance.disabled_at is None:
            self.instance.disabled_at = timezone.now()
        policy: ApplicationPolicy = super().save(commit)
        return policy


class PolicyFormSet(forms.BaseInlineFormSet):
    """What an application and its policy must agree in."""

    def clean(self) -> None:
        super().clean()
        for form in self.forms:
            grants = getattr(form, "cleaned_data", {}).get("grants", [])
            for message in wrong_with_grants(self.instance, grants):
                form.add_error("grants", message)


def wrong_with_grants(application: Any, grants: list[str]) -> Iterator[str]:
    """Why a policy with ``grants`` is none for ``application``."""
    if Grant.AUTHORIZATION_CODE in grants and not application.redirect_uris:
        yield gettext("Codes are sent to a redirect URI, and the application has none.")
    if Grant.CLIENT_CREDENTIALS in grants and is_public(application):
        yield gettext("A public application has no secret to act for itself by.")
