"""How the lists and pages show what is short and often looked for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext, npgettext_lazy, pgettext

from tokenauth.core.status import Status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tokenauth.models import AccessToken, TokenLogin

SCOPES_SHOWN = 2
A_MOMENT = timedelta(minutes=1)

# Not Django's own: in some languages, what stands after "in" or before "ago" is inflected.
_LENGTHS: dict[str, Any] = {
    "year": npgettext_lazy("in, or ago", "%(num)d year", "%(num)d years", "num"),
    "month": npgettext_lazy("in, or ago", "%(num)d month", "%(num)d months", "num"),
    "week": npgettext_lazy("in, or ago", "%(num)d week", "%(num)d weeks", "num"),
    "day": npgettext_lazy("in, or ago", "%(num)d day", "%(num)d days", "num"),
    "hour": npgettext_lazy("in, or ago", "%(num)d hour", "%(num)d hours", "num"),
    "minute": npgettext_lazy("in, or ago", "%(num)d minute", "%(num)d minutes", "num"),
}


def badge(look: str, text: object) -> str:
    """``text`` on the colour of ``look``, which is one of those of admin.css."""
    return format_html('<span class="tokenauth-badge tokenauth-{}">{}</span>', look, text)


def status_badge(token: AccessToken) -> str:
    return badge(token.status, Status(token.status).label)


def end(token: AccessToken) -> str:
    """When the token ends, or ended."""
    if token.revoked_at is not None:
        return how_far(token.revoked_at)
    if token.expires_at is None:
        return gettext("does not expire")
    text = gettext("expires %(time)s") if token.expires_at > timezone.now() else gettext("expired %(time)s")
    before, after = text.split("%(time)s")
    return format_html("{}{}{}", before, how_far(token.expires_at), after)


def result_badge(login: TokenLogin) -> str:
    if login.success:
        return badge("accepted", pgettext("result of a login", "accepted"))
    return badge("refused", pgettext("result of a login", "refused"))


def lines(first: str, *others: str) -> str:
    """``others`` below ``first``, and less loud; those that say nothing are left out."""
    below = ((other,) for other in others if other)
    return format_html("{}{}", first, format_html_join("", '<span class="tokenauth-below">{}</span>', below))


def local(moment: datetime) -> datetime:
    """``moment`` by the clock of whoever looks at it."""
    return timezone.localtime(moment) if timezone.is_aware(moment) else moment


def how_far(moment: datetime) -> str:
    """How long ago it was, or in what time it will be; the time itself where the pointer rests."""
    now = timezone.now()
    if moment > now:
        text = gettext("in %(time)s") % {"time": timeuntil(moment, now, time_strings=_LENGTHS, depth=1)}
    elif now - moment < A_MOMENT:
        text = gettext("just now")
    else:
        text = gettext("%(time)s ago") % {"time": timesince(moment, now, time_strings=_LENGTHS, depth=1)}
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        date_format(local(moment), "DATETIME_FORMAT"),
        text,
    )


def scopes_in_short(scopes: Sequence[str]) -> str:
    """The first scopes, and how many there are more; all of them where the pointer rests."""
    if not scopes:
        return gettext("none")
    shown = ", ".join(scopes[:SCOPES_SHOWN])
    more = len(scopes) - SCOPES_SHOWN
    if more <= 0:
        return shown
    return format_html('<span title="{}">{} +{}</span>', ", ".join(scopes), shown, more)
