from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin

from tokenauth.admin.change_list import BoundedChangeList, BoundedPaginator
from tokenauth.admin.pasted import refuse_in_address

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows to look at, however many: none is added, changed or deleted here."""

    paginator = BoundedPaginator
    # Neither all rows are counted for a list, nor those of each choice of a filter.
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    # A list and all of it are the same: the pages that there are.
    list_max_show_all = 0

    class Media:
        css = {"all": ["tokenauth/admin.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BoundedChangeList]:
        return BoundedChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        refused = refuse_in_address(self, request)
        return refused or super().changelist_view(request, extra_context)
