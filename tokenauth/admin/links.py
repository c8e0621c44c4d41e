"""Where the pages of the admin lead to, for those who may go there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html

from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite
    from django.http import HttpRequest


def login_log_url(request: HttpRequest, site: AdminSite, **filters: Any) -> str:
    """The login log, filtered; "" for those who may not see it."""
    if not _is_visible(request, site, TokenLogin):
        return ""
    url = reverse("admin:tokenauth_tokenlogin_changelist", current_app=site.name)
    return f"{url}?{urlencode(filters)}" if filters else url


def token_link(site: AdminSite, token: AccessToken) -> str:
    """The name of ``token``, with a link to its page."""
    url = reverse("admin:tokenauth_accesstoken_change", args=[token.pk], current_app=site.name)
    return format_html('<a href="{}">{}</a>', url, token.name)


def chosen_link(field: str, chosen: Any) -> str:
    """``chosen``, with a link to the rows of the same list whose relation ``field`` is to it."""
    lookup = f"{field}__{chosen._meta.pk.name}__exact"
    return format_html('<a href="?{}">{}</a>', urlencode({lookup: chosen.pk}), chosen)


def sees_tokens(request: HttpRequest, site: AdminSite) -> bool:
    """Whether the pages of tokens may be seen."""
    return _is_visible(request, site, AccessToken)


def _is_visible(request: HttpRequest, site: AdminSite, model: Any) -> bool:
    return site.is_registered(model) and site.get_model_admin(model).has_view_permission(request)
