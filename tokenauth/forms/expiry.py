"""How long a token is to live: lengths to choose from, or a date."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, gettext_lazy, ngettext

from tokenauth.conf import conf
from tokenauth.core import durations

if TYPE_CHECKING:
    from datetime import date

ON_A_DATE, NEVER = "date", "never"

_LENGTHS = [timedelta(days=days) for days in (7, 30, 90, 365)]


class ExpiryForm(forms.Form):
    """``cleaned_data["expires_at"]``: an aware datetime, or None for never."""

    expires = forms.ChoiceField(label=gettext_lazy("Expires"), widget=forms.RadioSelect)
    expires_on = forms.DateField(
        label=gettext_lazy("Last day"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text=gettext_lazy("It works until the end of that day."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lengths = _lengths()
        choices = [(durations.spelled(length), _label(length)) for length in lengths]
        choices.append((ON_A_DATE, gettext("On a date")))
        if conf.MAX_TOKEN_LIFETIME is None:
            choices.append((NEVER, gettext("Never")))
        field: Any = self.fields["expires"]
        field.choices = choices
        field.initial = durations.spelled(_usual(lengths))

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        chosen, day = cleaned.get("expires"), cleaned.get("expires_on")
        if chosen is None or "expires_on" in self.errors:
            return cleaned
        if chosen == ON_A_DATE and day is None:
            self.add_error("expires_on", gettext("Say on which date."))
        elif chosen != ON_A_DATE and day is not None:
            message = gettext("You chose both a length and a date. Choose “On a date”, or clear the date.")
            self.add_error("expires_on", message)
        elif chosen == ON_A_DATE:
            self._take_day(cleaned, day)
        else:
            cleaned["expires_at"] = None if chosen == NEVER else timezone.now() + durations.parse(chosen)
        return cleaned

    def _take_day(self, cleaned: dict[str, Any], day: Any) -> None:
        now = timezone.now()
        today = timezone.localdate(now) if timezone.is_aware(now) else now.date()
        if day < today:
            self.add_error("expires_on", ValidationError(gettext("This day is over.")))
            return
        end = _end_of(day, is_aware=timezone.is_aware(now))
        if conf.MAX_TOKEN_LIFETIME is not None:
            latest = now + conf.MAX_TOKEN_LIFETIME
            # The last day that is allowed is not refused for its last hours.
            last_day = timezone.localdate(latest) if timezone.is_aware(latest) else latest.date()
            end = latest if day == last_day else end
        cleaned["expires_at"] = end


def _end_of(day: date, *, is_aware: bool) -> datetime:
    end = datetime.combine(day, time.max.replace(microsecond=0))
    return timezone.make_aware(end) if is_aware else end


def _lengths() -> list[timedelta]:
    """The shortest first."""
    longest = conf.MAX_TOKEN_LIFETIME
    named = {length for length in (conf.TOKEN_LIFETIME, longest) if length is not None}
    return sorted(length for length in {*_LENGTHS, *named} if longest is None or length <= longest)


def _usual(lengths: list[timedelta]) -> timedelta:
    usual = conf.TOKEN_LIFETIME or timedelta(days=90)
    return max((length for length in lengths if length <= usual), default=lengths[0])


def _label(length: timedelta) -> str:
    days, rest = divmod(length, timedelta(days=1))
    now = timezone.now()
    end = now + length
    if rest:
        return durations.spelled(length)
    until = date_format(timezone.localdate(end) if timezone.is_aware(end) else end.date())
    text = ngettext("%(days)d day (until %(date)s)", "%(days)d days (until %(date)s)", days)
    return text % {"days": days, "date": until}
