"""The form of a token's own page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from tokenauth.core import editing, reauthentication
from tokenauth.core.editing import EDITABLE
from tokenauth.core.password_check import PASSWORD_LENGTH
from tokenauth.core.token_arguments import networks_in, valid_networks
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from django.http import HttpRequest

_SALT = "tokenauth.admin.editing"


class AccessTokenForm(forms.ModelForm):
    """What may still be changed. The rest is what the token is, and does not change.

    The password is asked for where the sign-in is old, and the token becomes wider by the change.
    """

    request: ClassVar[HttpRequest]

    allowed_networks = forms.CharField(
        label=_("Allowed networks"),
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_("One a line, such as 203.0.113.0/24. Empty: from anywhere."),
    )
    # What the fields were when the page was made: somebody else may change them meanwhile.
    shown = forms.CharField(required=False, widget=forms.HiddenInput)
    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        required=False,
        max_length=PASSWORD_LENGTH,
        help_text=_(
            "You signed in a while ago. It is needed where the token is to live longer, or to work from more "
            "addresses."
        ),
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    class Meta:
        model = AccessToken
        fields = EDITABLE

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.changes: dict[str, Any] = {}
        self.shown_values = {name: getattr(self.instance, name) for name in EDITABLE}
        user: Any = self.request.user
        self.is_recent = reauthentication.is_recent(self.request)
        self.signs_in_again = not self.is_recent and not user.has_usable_password()
        if self.is_recent or self.signs_in_again or "expires_at" not in self.fields:
            del self.fields["password"]
        if "expires_at" not in self.fields:
            # To be looked at, and no more.
            self.signs_in_again = False
            return
        day, hour = self.fields["expires_at"].widget.widgets
        # The label of the two is that of neither.
        day.attrs["aria-label"], hour.attrs["aria-label"] = gettext("Expires: date"), gettext("Expires: time")
        self.initial["allowed_networks"] = "\n".join(self.instance.allowed_networks)
        self.initial["shown"] = _signed(self.instance)

    @property
    def changed_data(self) -> list[str]:
        return list(self.changes)

    def clean_allowed_networks(self) -> list[str]:
        return valid_networks(networks_in(self.cleaned_data["allowed_networks"]))

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        password = cleaned.pop("password", "")
        if text := cleaned.pop("shown", ""):
            try:
                self.shown_values = _unsigned(text, self.instance)
            except signing.BadSignature as error:
                raise ValidationError(gettext("Open the page again; nothing was changed.")) from error
        given = {name: cleaned[name] for name in EDITABLE if name in cleaned}
        self.changes = {
            name: value for name, value in given.items() if value != _as_typed(self.shown_values[name])
        }
        if self.errors:
            return cleaned
        try:
            editing.check(self.instance, self.changes, self.shown_values, by=self.request.user)
        except ValidationError as error:
            for name, errors in error.error_dict.items():
                self.add_error(name if name in self.fields else None, errors)
            return cleaned
        if not self.is_recent and editing.is_wider(self.changes, self.shown_values):
            self._ask_for_password(password)
        return cleaned

    @sensitive_variables("password")
    def _ask_for_password(self, password: str) -> None:
        if self.signs_in_again:
            raise ValidationError(gettext("You signed in a while ago. Sign in again; nothing was changed."))
        try:
            if not password:
                raise ValidationError(gettext("Give your password: the token would become wider."))
            reauthentication.confirm(self.request, password)
        except ValidationError as error:
            self.add_error("password", error)


def _as_typed(value: Any) -> Any:
    """``value`` as a browser sends it back: no form shows the parts of a second."""
    return value.replace(microsecond=0) if hasattr(value, "microsecond") else value


def _signed(token: AccessToken) -> str:
    expires_at = token.expires_at and token.expires_at.isoformat()
    return signing.dumps([str(token.pk), token.name, expires_at, token.allowed_networks], salt=_SALT)


def _unsigned(text: str, token: AccessToken) -> dict[str, Any]:
    """:raises BadSignature: it is not of the page of ``token``."""
    key, name, expires_at, networks = signing.loads(text, salt=_SALT)
    if key != str(token.pk):
        raise signing.BadSignature
    return {
        "name": name,
        "expires_at": expires_at and parse_datetime(expires_at),
        "allowed_networks": networks,
    }
