from django.contrib import admin

from tokenauth.admin.read_only import ReadOnlyAdmin
from tokenauth.models import TokenLogin


@admin.register(TokenLogin)
class TokenLoginAdmin(ReadOnlyAdmin):
    """The login log, to look at."""

    list_display = (
        "date",
        "success",
        "reason",
        "id_type",
        "hint",
        "user",
        "token",
        "ip_address",
        "request_id",
        "count",
    )
    list_filter = ("success", "reason", "id_type")
    list_select_related = ("user", "token")
    date_hierarchy = "date"
