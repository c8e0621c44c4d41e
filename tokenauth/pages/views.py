"""The pages; each is rendered at once, so that no middleware is handed a context with a token's text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_variables

from tokenauth.core import attempts, lifecycle, reauthentication, rotation, scopes
from tokenauth.exceptions import AlreadyIssued, Reason
from tokenauth.models import AccessToken
from tokenauth.pages.curl import curl_line
from tokenauth.pages.forms import OwnRotationForm, OwnTokenForm
from tokenauth.pages.guard import page
from tokenauth.pages.listing import listing, row_of

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from tokenauth.exceptions import RotationConflict

ATTEMPTS_SHOWN = 20


@page("GET")
def token_list(request: HttpRequest) -> HttpResponse:
    shows_ended = request.GET.get("show") == "ended"
    words = dict(Reason.choices)
    refused = attempts.refused_of(request.user).select_related("token")[:ATTEMPTS_SHOWN]
    context = {
        "listing": listing(request.user, request.GET.get("page"), shows_ended=shows_ended),
        "shows_ended": shows_ended,
        # Another app may have reasons of its own.
        "attempts": [(attempt, words.get(attempt.reason, attempt.reason)) for attempt in refused],
    }
    return render(request, "tokenauth/token_list.html", context)


# Whatever is below here in the stack may hold the new text: a template's context, for example.
@page("GET", "POST")
@sensitive_variables()
def token_create(request: HttpRequest) -> HttpResponse:
    form = OwnTokenForm(request, request.POST if request.method == "POST" else None)
    if "sign_in_again" in request.POST:
        return _sign_in_again(request, form)
    try:
        token = form.issue(request.user) if form.is_valid() else None
    except AlreadyIssued as conflict:
        return _conflict(request, conflict, conflict.token)
    if token is None:
        return render(request, "tokenauth/token_create.html", {"form": form})
    return _shown_once(request, token)


@page("GET", "POST")
@sensitive_variables()
def token_rotate(request: HttpRequest, pk: str) -> HttpResponse:
    token = _own_token(request, pk)
    if conflict := rotation.conflict(token, getattr(token, "rotated_to", None)):
        return _conflict(request, conflict, token)
    form = OwnRotationForm(request, token, request.POST if request.method == "POST" else None)
    if "sign_in_again" in request.POST:
        return _sign_in_again(request, form)
    successor = form.rotate() if form.is_valid() else None
    if form.conflict is not None:
        # Somebody was faster.
        return _conflict(request, form.conflict, _own_token(request, pk))
    if successor is None:
        return render(request, "tokenauth/token_rotate.html", {"form": form, "token": token})
    return _shown_once(request, successor, replaced=token)


@page("GET", "POST")
def token_revoke(request: HttpRequest, pk: str) -> HttpResponse:
    token = _own_token(request, pk)
    if request.method == "POST":
        is_revoked = token.revoke(by=request.user)
    elif token.revoked_at is None:
        family = AccessToken.objects.usable().filter(family=token.family).exclude(pk=token.pk)
        others = family.filter(user_id=token.user_id).order_by("-pk")
        return render(request, "tokenauth/token_revoke.html", {"token": token, "others": others})
    else:
        is_revoked = False
    said = gettext("“{name}” was revoked: it works no more.")
    if not is_revoked:
        said = gettext("“{name}” was revoked before. Nothing was changed.")
    # Isolated: a name may run the other way than the sentence.
    message = format_html(said, name=format_html("<bdi>{}</bdi>", token.name))
    messages.add_message(
        request, messages.SUCCESS if is_revoked else messages.INFO, message, fail_silently=True
    )
    match = request.resolver_match
    return HttpResponseRedirect(
        reverse("tokenauth:token-list", current_app=None if match is None else match.namespace)
    )


def _own_token(request: HttpRequest, pk: str) -> AccessToken:
    """
    :raises Http404: it is somebody else's, or none.
    """
    tokens = lifecycle.of_user(request.user).select_related("user", "rotated_to")
    try:
        return tokens.get(pk=AccessToken._meta.pk.to_python(pk))
    except (ValidationError, AccessToken.DoesNotExist) as error:
        raise Http404(gettext("You have no such access token.")) from error


def _sign_in_again(request: HttpRequest, form: OwnTokenForm | OwnRotationForm) -> HttpResponse:
    """To the login, and back to the form with what was typed."""
    to = f"{request.path}?{urlencode(form.kept())}"
    return reauthentication.sign_in_again(request, to) if form.signs_in_again else HttpResponseRedirect(to)


def _shown_once(
    request: HttpRequest, token: AccessToken, replaced: AccessToken | None = None
) -> HttpResponse:
    registry = scopes.registry()
    context: dict[str, Any] = {
        "token": token,
        "replaced": replaced,
        "curl": curl_line(request, token),
        "scopes": [registry.get(name, scopes.Scope(name, "")) for name in token.scopes],
    }
    return render(request, "tokenauth/token_created.html", context)


def _conflict(
    request: HttpRequest, conflict: AlreadyIssued | RotationConflict, token: AccessToken
) -> HttpResponse:
    successor: AccessToken | None = getattr(token, "rotated_to", None)
    if successor is not None and successor.user_id != token.user_id:
        # A key that has moved is somebody else's.
        successor = None
    context = {
        "conflict": conflict,
        "is_issued": isinstance(conflict, AlreadyIssued),
        "row": row_of(token),
        "successor": None if successor is None else row_of(successor),
    }
    return render(request, "tokenauth/token_conflict.html", context, status=409)
