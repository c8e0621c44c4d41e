"""The forms of a person's own tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext, ngettext

from tokenauth.conf import conf
from tokenauth.core import durations
from tokenauth.core.organizations import organizations_of
from tokenauth.forms.new_token import NewTokenForm
from tokenauth.forms.rotation import RotationForm

if TYPE_CHECKING:
    from django.http import HttpRequest

    from tokenauth.models import AccessToken

_OVERLAPS = [timedelta(0), timedelta(hours=1), timedelta(days=1), timedelta(days=7)]


class OwnTokenForm(NewTokenForm):
    """Makes a token of ``request.user``."""

    def __init__(self, request: HttpRequest, data: Any = None) -> None:
        super().__init__(request, data)
        organizations = sorted(organizations_of(request.user))
        if organizations:
            self.fields["organization"] = forms.ChoiceField(
                label=gettext("Organization"),
                required=False,
                choices=[("", gettext("All of mine")), *((one, one) for one in organizations)],
                help_text=gettext("It sees nothing of the others."),
            )
        else:
            del self.fields["organization"]

    @property
    def is_limited(self) -> bool:
        """Whether there is something to see among the limits."""
        return bool(self["allowed_networks"].value() or self["allowed_networks"].errors)


class OwnRotationForm(RotationForm):
    """Rotates a token of ``request.user``, by choosing the overlap from a few."""

    def __init__(self, request: HttpRequest, token: AccessToken, data: Any = None) -> None:
        super().__init__(request, token, data)
        lengths = sorted({*_OVERLAPS, conf.ROTATION_OVERLAP})
        choices = {durations.spelled(length): _label(length) for length in lengths}
        self.fields["overlap"] = forms.ChoiceField(
            label=gettext("How long should the old one go on working?"),
            choices=choices,
            widget=forms.RadioSelect,
            help_text=gettext("Never beyond the time at which it expires.") if token.expires_at else "",
        )
        if request.GET.get("overlap") in choices:
            self.initial["overlap"] = request.GET["overlap"]

    def kept(self) -> list[tuple[str, str]]:
        """What was chosen: for the query of the form's own address."""
        return [("overlap", self.data["overlap"])] if "overlap" in self.data else []


def _label(length: timedelta) -> str:
    if not length:
        return gettext("Not at all: it ends at once")
    days, rest = divmod(length, timedelta(days=1))
    hours, minutes = divmod(length, timedelta(hours=1))
    if not rest:
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    if not minutes:
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    return durations.spelled(length)
