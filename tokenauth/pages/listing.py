"""A person's tokens, one rotation family after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.db.models import Count, F, Max, Q, Window
from django.db.models.functions import RowNumber

from tokenauth.core import lifecycle, rotation
from tokenauth.core.late_use import used_late
from tokenauth.core.status import Status, has_status

if TYPE_CHECKING:
    from django.core.paginator import Page

    from tokenauth.models import AccessToken

FAMILIES_A_PAGE = 25
# Of a family that is rotated daily, so many of those that have ended; all that still work.
ENDED_A_FAMILY = 5


@dataclass(frozen=True, slots=True)
class Row:
    """A token, and what may be done with it."""

    token: AccessToken
    status: Status
    is_rotatable: bool
    # It was used when it had been rotated and had ended.
    is_late: bool

    @property
    def is_active(self) -> bool:
        return self.status is Status.ACTIVE


@dataclass(frozen=True, slots=True)
class Family:
    """A token, and those that it was rotated from, the latest first."""

    rows: list[Row]
    # How many older ones are not among them.
    left_out: int

    @property
    def is_late(self) -> bool:
        """One was used after its end, while another works: what has ended whole wants nothing of anybody."""
        return any(row.is_late for row in self.rows) and any(row.is_active for row in self.rows)


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of families, and how many there are."""

    families: list[Family]
    page: Page[Any]
    working: int
    ended: int


def listing(user: Any, number: str | None, *, shows_ended: bool = False) -> Listing:
    """The page ``number`` of the families of ``user`` in which a token works; or of those that have ended.

    The latest first; whatever ``number`` is, there is a page. As many queries, however many tokens.
    """
    families = (
        lifecycle.of_user(user)
        .order_by()
        .values("family")
        .annotate(latest=Max("pk"), count=Count("pk"), active=Count("pk", filter=has_status(Status.ACTIVE)))
        .order_by("-latest")
    )
    working, ended = families.filter(active__gt=0), families.filter(active=0)
    shown, other = (ended, working) if shows_ended else (working, ended)
    page = Paginator(shown, FAMILIES_A_PAGE).get_page(number)
    counts = {family["family"]: family["count"] for family in page}
    count, others = page.paginator.count, other.count()
    return Listing(
        _families(user, counts),
        page,
        working=others if shows_ended else count,
        ended=count if shows_ended else others,
    )


def _families(user: Any, counts: dict[Any, int]) -> list[Family]:
    """The families of these ids, each with how many tokens of ``user`` it has, in this order."""
    if not counts:
        return []
    place = Window(RowNumber(), partition_by=F("family"), order_by="-pk")
    tokens = (
        lifecycle.of_user(user)
        .filter(family__in=counts)
        .annotate(place=place)
        .filter(Q(place__lte=ENDED_A_FAMILY) | has_status(Status.ACTIVE))
        .select_related("rotated_to")
        .order_by("-pk")
    )
    late = set(used_late(list(counts)).filter(user_id=user.pk).values_list("pk", flat=True))
    rows: dict[Any, list[Row]] = {family: [] for family in counts}
    for token in tokens:
        rows[token.family].append(row_of(token, is_late=token.pk in late))
    return [Family(found, counts[family] - len(found)) for family, found in rows.items()]


def row_of(token: AccessToken, *, is_late: bool = False) -> Row:
    # Its successor may be somebody else's by now: a key can move.
    is_rotatable = rotation.conflict(token, getattr(token, "rotated_to", None)) is None
    return Row(token, Status(token.status), is_rotatable, is_late)
