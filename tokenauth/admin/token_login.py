from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin

from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from django.http import HttpRequest


@admin.register(TokenLogin)
class TokenLoginAdmin(admin.ModelAdmin):
    """The login log, to look at."""

    list_display = ("date", "success", "reason", "id_type", "hint", "user", "ip_address", "count")
    list_filter = ("success", "reason", "id_type")
    list_select_related = ("user",)
    date_hierarchy = "date"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
