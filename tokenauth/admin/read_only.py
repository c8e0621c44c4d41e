from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from tokenauth.admin.change_list import BoundedChangeList, BoundedPaginator, listed
from tokenauth.admin.keys import valid_key
from tokenauth.admin.pasted import refuse_in_address

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.functional import _StrPromise


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows to look at, however many: none is added, changed or deleted here."""

    paginator = BoundedPaginator
    # Neither all rows are counted for a list, nor those of each choice of a filter.
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    # A list and all of it are the same: the pages that there are.
    list_max_show_all = 0
    # What is said, where there are actions, of a selected one that could be none of them.
    no_id: ClassVar[_StrPromise] = _("This is no id.")

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

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        try:
            for key in request.POST.getlist(ACTION_CHECKBOX_NAME):
                valid_key(self.opts.pk, key)
        except ValidationError:
            self.message_user(request, self.no_id, messages.ERROR)
            return None
        if request.POST.get("select_across", "0") != "0":
            # All that are listed, as the list says; where there are more, the others can be next.
            queryset = listed(queryset)
        return super().response_action(request, queryset, *args, **kwargs)
