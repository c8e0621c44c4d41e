"""The pages by which an action of the list asks before it is done, and tells what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.shortcuts import render

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.http import HttpRequest, HttpResponse

# Of the forms' fields: whoever sends it has read the page.
CONFIRMED = "post"
# The button of who has no password to give.
SIGN_IN_AGAIN = "sign_in_again"


def page(
    model_admin: ModelAdmin,
    request: HttpRequest,
    name: str,
    context: dict[str, Any],
    *,
    of: str = "tokenauth/accesstoken",
) -> HttpResponse:
    """The page of this name; ``context`` has its ``title``. The admin's views see to it that none is kept.

    ``of``: where among the templates of the admin it is, by app and model.
    """
    request.current_app = model_admin.admin_site.name
    context |= {
        **model_admin.admin_site.each_context(request),
        "title": context["title"],
        "opts": model_admin.opts,
        "media": model_admin.media,
        "action_checkbox_name": ACTION_CHECKBOX_NAME,
        "confirmed": CONFIRMED,
    }
    # Rendered here and not later: no middleware is handed the context.
    return render(request, f"admin/{of}/{name}.html", context)
