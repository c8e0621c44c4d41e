"""What may still be changed of a token: what it is called, when it ends, and from where it works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tokenauth.conf import conf
from tokenauth.core.token_arguments import networks_in, valid_expiry, valid_name, valid_networks
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from datetime import datetime

EDITABLE = ("name", "expires_at", "allowed_networks")


class AccessTokenForm(forms.ModelForm):
    """The rest is what the token is, and does not change."""

    allowed_networks = forms.CharField(
        label=_("Allowed networks"),
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_("One a line, such as 203.0.113.0/24. Empty: from anywhere."),
    )

    class Meta:
        model = AccessToken
        fields = EDITABLE

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "expires_at" not in self.fields:
            # To be looked at, and no more.
            return
        day, hour = self.fields["expires_at"].widget.widgets
        # The label of the two is that of neither.
        day.attrs["aria-label"], hour.attrs["aria-label"] = gettext("Expires: date"), gettext("Expires: time")
        self.initial["allowed_networks"] = "\n".join(self.instance.allowed_networks)

    def clean_name(self) -> str:
        return valid_name(self.cleaned_data["name"])

    def clean_expires_at(self) -> datetime | None:
        expires_at: datetime | None = self.cleaned_data["expires_at"]
        before: datetime | None = self.instance.expires_at
        if "expires_at" not in self.changed_data:
            return before
        if self.instance.rotated_at and (expires_at is None or (before and expires_at > before)):
            raise ValidationError(gettext("It was rotated: its end may be brought forward, not put off."))
        if expires_at is None:
            if conf.MAX_TOKEN_LIFETIME is not None:
                raise ValidationError(gettext("Every token expires here."))
            return None
        return valid_expiry(expires_at, timezone.now())

    def clean_allowed_networks(self) -> list[str]:
        return valid_networks(networks_in(self.cleaned_data["allowed_networks"]))
