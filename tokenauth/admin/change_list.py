"""Lists that open quickly however many rows there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import InvalidPage, Paginator
from django.utils.functional import cached_property

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

# Nobody turns a hundred pages: what is not among the first rows is found by a filter.
MOST_ROWS = 10_000


class BoundedPaginator(Paginator):
    """Of rows the first :data:`MOST_ROWS`, which one statement finds by their keys, and so counts as well."""

    @cached_property
    def keys(self) -> list[Any]:
        # One more, to know whether there are more.
        rows: Any = self.object_list
        return list(rows.values_list("pk", flat=True)[: MOST_ROWS + 1])

    @property
    def is_cut(self) -> bool:
        """Whether there are more rows than are listed."""
        return len(self.keys) > MOST_ROWS

    @cached_property
    def count(self) -> int:
        return min(len(self.keys), MOST_ROWS)

    def keys_of(self, number: int) -> list[Any]:
        """The keys of the rows of a page.

        :raises InvalidPage: there is no such page.
        """
        start = (self.validate_number(number) - 1) * self.per_page
        return self.keys[start : min(start + self.per_page, MOST_ROWS)]


class BoundedChangeList(ChangeList):
    """A list of a :class:`BoundedPaginator`: rows that must be searched for are searched for once."""

    paginator: BoundedPaginator

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not (self.query or self.has_active_filters):
            # What the list says of its rows; it says so of a part of them alone.
            self.full_result_count = self.result_count
        try:
            keys = self.paginator.keys_of(self.page_num if self.multi_page else 1)
        except InvalidPage as error:
            raise IncorrectLookupParameters from error
        # By their keys alone: the conditions that found them may have cost much.
        rows = self.apply_select_related(self.root_queryset).in_bulk(keys)
        self.result_list = [rows[key] for key in keys if key in rows]

    @property
    def most_rows(self) -> int:
        return MOST_ROWS


def listed(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Of the rows of a list, those that it shows on all its pages."""
    return rows.filter(pk__in=list(rows.values_list("pk", flat=True)[:MOST_ROWS]))
