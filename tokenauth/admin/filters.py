"""The filters beside the lists; what each of them means is said in the core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from tokenauth.admin.keys import valid_key
from tokenauth.core import network
from tokenauth.core.attention import Attention, wants
from tokenauth.core.status import Status, has_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.admin.views.main import ChangeList
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest
    from django.utils.functional import _StrPromise


class ChoiceFilter(admin.SimpleListFilter):
    """One of a few words. An unknown one is refused: a wider list than was asked for might be acted on."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        value = self.value()
        if value is None:
            return None
        if value not in dict(self.lookup_choices):
            raise IncorrectLookupParameters
        return self.chosen(queryset, value)

    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        """The rows of ``value``, which is one of the choices."""
        raise NotImplementedError


class StatusFilter(ChoiceFilter):
    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        return Status.choices

    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        # Of those that work there are many, wherever one looks.
        return queryset.filter(has_status(Status(value), by_index=value == Status.ACTIVE))


class AttentionFilter(ChoiceFilter):
    title = _("what wants attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        return Attention.choices

    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(wants(Attention(value)))


class ResultFilter(ChoiceFilter):
    title = _("result")
    parameter_name = "result"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        return [
            ("accepted", pgettext_lazy("result of a login", "accepted")),
            ("refused", pgettext_lazy("result of a login", "refused")),
        ]

    def chosen(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(success=value == "accepted")


class TextFilter(admin.ListFilter):
    """A text to type: its values are not listed, since there may be as many as rows."""

    template = "admin/tokenauth/text_filter.html"
    parameter_name: ClassVar[str]
    # What is said of a text that cannot be looked for; nothing is listed then.
    error: ClassVar[_StrPromise | str] = ""

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any):
        super().__init__(request, params, model, model_admin)
        self.text = params.pop(self.parameter_name, [""])[-1].strip()
        self.value = self.parse(self.text) if self.text else None
        if self.is_wrong:
            # Above the list: on a narrow screen, the filters are below it.
            messages.error(request, self.error)

    @property
    def is_wrong(self) -> bool:
        return bool(self.text) and self.value is None

    def parse(self, text: str) -> str | None:
        """What is looked for; None where ``text`` is none."""
        return text

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return [self.parameter_name]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        if not self.text:
            return None
        return queryset.none() if self.is_wrong else queryset.filter(**{self.parameter_name: self.value})

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:
        """What the form needs: the other filters, to keep them, and the way back."""
        others = {
            name: values for name, values in changelist.filter_params.items() if name != self.parameter_name
        }
        yield {
            "others": [(name, value) for name, values in others.items() for value in values],
            "without": changelist.get_query_string(remove=[self.parameter_name]),
        }


class OrganizationFilter(TextFilter):
    title = _("organization")
    parameter_name = "organization"


class AddressFilter(TextFilter):
    title = _("address")
    parameter_name = "ip_address"
    error = _("This is no IP address. One is written like 192.0.2.1 or 2001:db8::1.")

    def parse(self, text: str) -> str | None:
        address = network.parse_address(text)
        return None if address is None else str(address)


class ChosenFilter(admin.FieldListFilter):
    """One value, to which a link led: said as long as it is chosen, with the way back to all of them."""

    def __init__(self, field: Any, request: Any, params: Any, model: Any, model_admin: Any, field_path: str):
        self.parameter_name = (
            f"{field_path}__{field.target_field.name}__exact" if field.is_relation else field_path
        )
        super().__init__(field, request, params, model, model_admin, field_path)

    def has_output(self) -> bool:
        return bool(self.used_parameters)

    def expected_parameters(self) -> list[str | None]:
        return [self.parameter_name]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        field: Any = self.field
        texts: Any = self.used_parameters.get(self.parameter_name, [])
        key = field.target_field if field.is_relation else field
        try:
            for text in texts:
                valid_key(key, text)
        except ValidationError as error:
            raise IncorrectLookupParameters from error
        return super().queryset(request, queryset)

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        without = changelist.get_query_string(remove=[self.parameter_name])
        yield {"selected": False, "query_string": without, "display": _("All")}
        chosen = changelist.get_query_string()
        yield {"selected": True, "query_string": chosen, "display": self._related() or _("the chosen one")}

    def _related(self) -> Any:
        """The chosen row; None where it is gone, and where an id or a digest was chosen."""
        related: Any = self.field.related_model
        if related is None:
            return None
        return related._base_manager.filter(pk__in=self.used_parameters[self.parameter_name]).first()
