from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokenauth.admin.badges import result_badge
from tokenauth.admin.links import login_log_url
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite
    from django.http import HttpRequest

SHOWN = 10


def attempts_context(request: HttpRequest, site: AdminSite, token: AccessToken) -> dict[str, Any]:
    """What the page of ``token`` shows of the login log, to those who may see that."""
    url = login_log_url(request, site, token__id__exact=token.pk)
    if not url:
        return {}
    attempts = TokenLogin.objects.filter(token=token).order_by("-date", "-pk")[:SHOWN]
    return {"attempts": [(login, result_badge(login)) for login in attempts], "attempts_url": url}
