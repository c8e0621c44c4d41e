from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.translation import gettext

from tokenauth.admin.change_list import BoundedChangeList
from tokenauth.admin.links import login_log_url
from tokenauth.core.late_use import used_late
from tokenauth.core.status import Status
from tokenauth.models import AccessToken

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite
    from django.http import HttpRequest


class FamilyChangeList(BoundedChangeList):
    """A page of tokens, each of which knows whether one of its family was used after its end."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        late = dict(used_late({token.family for token in self.result_list}).values_list("pk", "family"))
        # A family that has ended wants nothing more of anybody.
        usable = AccessToken.objects.usable().filter(family__in=set(late.values()))
        alarming = set(usable.values_list("family", flat=True)) if late else set()
        for token in self.result_list:
            token.has_late_family = token.family in alarming
            token.is_late = token.pk in late


def late_warning(token: Any) -> str:
    """What a row of the list says of the family of ``token``; "" where there is nothing to warn of."""
    if not token.has_late_family:
        return ""
    return format_html(
        '<span class="tokenauth-late"><img src="{}" alt="{}"> {}</span>',
        static("admin/img/icon-alert.svg"),
        gettext("Warning:"),
        gettext("used after its end") if token.is_late else gettext("family: one used after its end"),
    )


def family_context(request: HttpRequest, site: AdminSite, token: AccessToken) -> dict[str, Any]:
    """What the page of ``token`` shows of its family."""
    late = set(used_late([token.family]).values_list("pk", flat=True))
    members: list[dict[str, Any]] = [
        {"token": member, "status": Status(member.status).label, "is_late": member.pk in late}
        for member in AccessToken.objects.filter(family=token.family).select_related("user")
    ]
    return {
        "family": members,
        "is_late": bool(late),
        "is_usable": any(member["token"].status == Status.ACTIVE for member in members),
        "logins_url": login_log_url(request, site),
    }
