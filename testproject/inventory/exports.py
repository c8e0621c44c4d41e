"""A view of plain Django: no framework but Django's own stands between it and its callers."""

import csv

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from testproject.inventory.models import Site
from tokenauth.core.organizations import rows_open_to
from tokenauth.decorators import scopes_required


@scopes_required("read:sites")
@require_safe
def sites_as_csv(request: HttpRequest) -> HttpResponse:
    """The sites of the caller's organizations."""
    sites = rows_open_to(Site.objects.all(), request.user, request.auth)  # type: ignore[attr-defined]
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    writer = csv.writer(response)
    writer.writerow(["id", "name", "city"])
    writer.writerows(sites.values_list("pk", "name", "city"))
    return response
