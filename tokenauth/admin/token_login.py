from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import admin
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from tokenauth.admin.badges import lines, local, result_badge
from tokenauth.admin.filters import AddressFilter, ChosenFilter, ResultFilter
from tokenauth.admin.links import chosen_link, sees_tokens, token_link
from tokenauth.admin.read_only import ReadOnlyAdmin
from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from django.http import HttpRequest

# Of what a client calls itself, as much as tells one from another.
PROGRAM_LENGTH = 40


@admin.register(TokenLogin)
class TokenLoginAdmin(ReadOnlyAdmin):
    """The login log, to look at."""

    # Few columns, as in the list of tokens.
    list_display = ("time", "result", "linked_token", "owner", "sender")
    list_filter = (
        ("token", ChosenFilter),
        ("user", ChosenFilter),
        ("identifier", ChosenFilter),
        ResultFilter,
        "reason",
        AddressFilter,
        "id_type",
        # Periods that end now: no query need ask which there are, as a date_hierarchy does.
        ("date", admin.DateFieldListFilter),
    )
    list_select_related = ("user", "token")
    sortable_by = ()

    def get_list_display(self, request: HttpRequest) -> Any:
        to_page = sees_tokens(request, self.admin_site)
        return [
            "named_token" if column == "linked_token" and not to_page else column
            for column in self.list_display
        ]

    @admin.display(description=_("time"))
    def time(self, login: TokenLogin) -> str:
        date = local(login.date)
        return lines(date_format(date, "Y-m-d"), date_format(date, "H:i:s"))

    @admin.display(description=_("result"))
    def result(self, login: TokenLogin) -> str:
        # More than one is a flood, counted into one row.
        reason = f"{login.reason} × {login.count}" if login.count > 1 else login.reason
        return lines(result_badge(login), reason)

    @admin.display(description=_("token"))
    def linked_token(self, login: TokenLogin) -> str:
        return lines(token_link(self.admin_site, login.token) if login.token else "-", login.hint)

    @admin.display(description=_("token"))
    def named_token(self, login: TokenLogin) -> str:
        return lines(login.token.name if login.token else "-", login.hint)

    @admin.display(description=_("user"))
    def owner(self, login: TokenLogin) -> str | None:
        return None if login.user is None else chosen_link("user", login.user)

    @admin.display(description=_("address and client"))
    def sender(self, login: TokenLogin) -> str:
        query = urlencode({AddressFilter.parameter_name: login.ip_address})
        address = format_html('<a href="?{}">{}</a>', query, login.ip_address) if login.ip_address else "-"
        program = Truncator(login.user_agent).chars(PROGRAM_LENGTH)
        return lines(address, program, login.client_version, login.request_id)
