from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokenauth.admin.badges import result_badge
from tokenauth.admin.links import login_log_url
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite
    from django.db.models import QuerySet
    from django.http import HttpRequest

SHOWN = 10


def attempts_context(request: HttpRequest, site: AdminSite, token: AccessToken) -> dict[str, Any]:
    """What the page of ``token`` shows of the login log, to those who may see that."""
    url = login_log_url(request, site, token__id__exact=token.pk)
    if not url:
        return {}
    return attempts_of(TokenLogin.objects.filter(token=token), url)


def attempts_of(logins: QuerySet[TokenLogin], url: str) -> dict[str, Any]:
    """What ``attempts.html`` shows of ``logins``, the newest of them; ``url`` leads to all."""
    newest = logins.order_by("-date", "-pk")[:SHOWN]
    return {"attempts": [(login, result_badge(login)) for login in newest], "attempts_url": url}
