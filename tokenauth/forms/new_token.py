"""What is asked before a token is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.debug import sensitive_variables

from tokenauth.conf import conf
from tokenauth.core import idempotency, lifecycle, scopes
from tokenauth.core.credential import Environment, Kind
from tokenauth.core.token_arguments import networks_in, valid_name, valid_networks, valid_scopes
from tokenauth.forms.expiry import ExpiryForm
from tokenauth.forms.reauthentication import ReauthenticationForm

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest

    from tokenauth.models import AccessToken


@dataclass(frozen=True, slots=True)
class ScopeChoice:
    """A scope to tick."""

    id: str
    name: str
    description: str
    implies: tuple[str, ...]
    is_checked: bool


class NewTokenForm(ExpiryForm, ReauthenticationForm):
    """Makes one token, however often it is sent. ``data`` None: filled with what ``request.GET`` says.

    :meth:`issue` after ``is_valid()``.
    """

    field_of = {"expires_at": "expires_on"}
    # What it says again where it is left for the login, and comes back to.
    kept_names: ClassVar[tuple[str, ...]] = (
        "name",
        "kind",
        "scopes",
        "organization",
        "expires",
        "expires_on",
        "allowed_networks",
    )

    name = forms.CharField(
        label=gettext_lazy("Name"),
        # As wide as the core allows, which says so itself.
        max_length=255,
        help_text=gettext_lazy("What it is for, so that you know it again."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), widget=forms.RadioSelect)
    scopes = forms.Field(label=gettext_lazy("Scopes"), required=False)
    organization = forms.CharField(
        label=gettext_lazy("Organization"),
        required=False,
        max_length=255,
        help_text=gettext_lazy("Narrows it to one organization. Empty: all of its owner's."),
    )
    allowed_networks = forms.CharField(
        label=gettext_lazy("Only from these addresses"),
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "Addresses or networks such as 203.0.113.7 or 203.0.113.0/24, one a line. Empty: from anywhere."
        ),
    )
    idempotency_key = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, request: HttpRequest, data: Any = None) -> None:
        kept = [name for name in self.kept_names if name in request.GET and name != "scopes"]
        initial = {name: request.GET[name] for name in kept}
        super().__init__(request, data, initial=initial)
        self.family: UUID | None = None
        if not self.is_bound:
            self.initial["idempotency_key"] = idempotency.new_key(request.user)
        kinds: Any = self.fields["kind"]
        kinds.choices = list(_kinds())
        kinds.initial = Kind.PERSONAL.value
        # Without a registry, any may be given, and none can be ticked.
        self.is_scope_typed = not conf.SCOPES
        self.fields["scopes"] = _TypedScopes() if self.is_scope_typed else _TickedScopes()
        if self.is_scope_typed:
            self.initial["scopes"] = " ".join(request.GET.getlist("scopes"))

    def scope_groups(self) -> list[tuple[str, list[ScopeChoice]]]:
        """The scopes to tick, under what they are about; everything is the last."""
        ticked = set(self._ticked())
        everything = scopes.Scope(
            scopes.ALL, gettext("Everything, whatever is added later included; but not to make tokens.")
        )
        groups = [*scopes.grouped(), (gettext("Everything"), [everything])]
        number = 0
        choices = []
        for heading, group in groups:
            row = []
            for scope in group:
                choice = ScopeChoice(
                    f"id_scopes_{number}", scope.name, scope.description, scope.implies, scope.name in ticked
                )
                row.append(choice)
                number += 1
            choices.append((heading or gettext("Other"), row))
        return choices

    def kept(self) -> list[tuple[str, str]]:
        """What was given, but for the password: for the query of the form's own address."""
        return [(name, text) for name in self.kept_names for text in self.data.getlist(name) if text]  # type: ignore[attr-defined]

    def clean_name(self) -> str:
        return valid_name(self.cleaned_data["name"])

    def clean_scopes(self) -> list[str]:
        given = valid_scopes(self.cleaned_data["scopes"])
        if not given:
            raise ValidationError(gettext("Choose at least one scope: without any, it may do nothing."))
        return given

    def clean_allowed_networks(self) -> list[str]:
        return valid_networks(networks_in(self.cleaned_data["allowed_networks"]))

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        try:
            self.family = idempotency.family_of(self.cleaned_data.get("idempotency_key"), self.request.user)
        except ValidationError as error:
            self.data = self.data.copy()  # type: ignore[attr-defined]
            self.data["idempotency_key"] = idempotency.new_key(self.request.user)  # type: ignore[index]
            self.add_error(None, error)
        return cleaned

    @sensitive_variables("token")
    def issue(self, owner: Any) -> AccessToken | None:
        """The new token of ``owner``, made by who asks; None where the core refuses, and the form says why.

        :raises AlreadyIssued: the form was sent before.
        """
        given = self.cleaned_data
        kind, _, environment = given["kind"].partition(":")
        try:
            return lifecycle.issue(
                owner,
                given["name"],
                given["scopes"],
                expires_at=given["expires_at"],
                kind=kind,
                environment=environment,
                organization=given.get("organization", ""),
                allowed_networks=given["allowed_networks"],
                created_by=self.request.user,
                family=self.family,
            )
        except ValidationError as error:
            self.refuse(error)
        return None

    def _ticked(self) -> list[str]:
        if self.is_bound:
            return self.data.getlist("scopes")  # type: ignore[attr-defined,no-any-return]
        return self.request.GET.getlist("scopes")


class _TickedScopes(forms.Field):
    """Whatever was sent: the core says what is wrong with it."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self) -> None:
        super().__init__(label=gettext("Scopes"), required=False)

    def clean(self, value: Any) -> list[str]:
        return list(value or [])


class _TypedScopes(forms.CharField):
    def __init__(self) -> None:
        super().__init__(
            label=gettext("Scopes"),
            required=False,
            max_length=10_000,
            help_text=gettext("What it may do: names parted by spaces. * is everything."),
        )

    def clean(self, value: Any) -> Any:
        return super().clean(value).split()


def _kinds() -> Any:
    yield Kind.PERSONAL.value, gettext("Personal token: for your own scripts and tools")
    labels = {
        Environment.LIVE.value: gettext("API key, live: for a server"),
        Environment.TEST.value: gettext("API key, test: for a server that is tried out"),
    }
    for environment in conf.ENVIRONMENTS:
        yield f"{Kind.API_KEY}:{environment}", labels[environment]
