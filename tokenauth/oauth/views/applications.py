"""The applications that a person let in, and the button that ends it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from tokenauth.oauth import authorizations
from tokenauth.oauth.models import Authorization
from tokenauth.oauth.scopes import Scopes
from tokenauth.pages.guard import page


@page("GET")
def application_list(request: HttpRequest) -> HttpResponse:
    """Those whose tokens live, the newest first."""
    descriptions = Scopes().get_all_scopes()
    rows = [
        {
            "authorization": authorization,
            "scopes": [(scope, descriptions.get(scope) or scope) for scope in authorization.scopes],
        }
        for authorization in authorizations.live(request.user)
    ]
    return render(request, "tokenauth/oauth/application_list.html", {"authorizations": rows})


@page("POST")
def application_end(request: HttpRequest, family: UUID) -> HttpResponse:
    """End one, with its tokens; of somebody else's, a 404."""
    user: Any = request.user
    of_user = Authorization.objects.filter(user=user)
    authorization = get_object_or_404(of_user.select_related("application"), pk=family)
    authorizations.end(of_user.filter(pk=family), authorizations.REVOKED_BY_USER)
    name = str(authorization.application)
    # Where the project has them: the page says it as well, by what it does not list.
    messages.success(request, _("“%(name)s” is out.") % {"name": name}, fail_silently=True)
    return redirect("tokenauth_oauth:applications")
