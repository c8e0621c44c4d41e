"""``/oauth2/authorize``: a person is asked whether to let an application in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.csrf import csrf_protect
from django.views.generic import View
from oauth2_provider.exceptions import OAuthToolkitError
from oauth2_provider.http import OAuth2ResponseRedirect
from oauthlib.oauth2.rfc6749 import errors

from tokenauth.core import reauthentication
from tokenauth.oauth import form_action, issuer, redirects
from tokenauth.oauth.backend import FormBackend
from tokenauth.oauth.policies import may_let_in
from tokenauth.oauth.scopes import Scopes

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

# In the URL of the answer: the organization that the page has told of.
SHOWN = "organization"


@method_decorator((never_cache, xframe_options_deny, csrf_protect), name="dispatch")
class AuthorizeView(LoginRequiredMixin, View):
    """The page that asks, each time anew; and the answer to it.

    Everything is in the URL: the form has the answer alone, and what is asked is judged again with it.
    """

    http_method_names = ["get", "head", "post", "options"]
    template_name = "tokenauth/oauth/authorize.html"
    refused_template_name = "tokenauth/oauth/authorize_refused.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            scopes, asked = FormBackend().validate_authorization_request(request)
            self._check_user(request, asked)
        except OAuthToolkitError as error:
            return self._refused(request, error)
        if not reauthentication.is_recent(request):
            return reauthentication.sign_in_again(request, request.get_full_path())
        application = asked["request"].client
        descriptions = Scopes().get_all_scopes()
        context = {
            "application": application,
            "scopes": [(name, descriptions.get(name) or name) for name in scopes],
            "redirect_host": redirects.host(asked["redirect_uri"]),
            "is_on_device": redirects.is_on_device(asked["redirect_uri"]),
            "action": _action(request, scopes, application.tokenauth_policy.organization),
            "organization": application.tokenauth_policy.organization,
        }
        return form_action.left_open(render(request, self.template_name, context))

    def post(self, request: HttpRequest) -> HttpResponse:
        backend = FormBackend()
        try:
            scopes, asked = backend.validate_authorization_request(request)
            self._check_user(request, asked)
            answer = request.POST.get("answer")
            if answer == "sign_in_again" or not reauthentication.is_recent(request):
                # As where a token is made: letting an application in gives it one.
                return reauthentication.sign_in_again(request, request.get_full_path())
            organization = asked["request"].client.tokenauth_policy.organization
            if request.GET.get(SHOWN, organization) != organization:
                # The page has told of another.
                return self.get(request)
            uri, *_rest = backend.create_authorization_response(request, scopes, asked, answer == "allow")
        except OAuthToolkitError as error:
            return self._refused(request, error)
        return self._redirect(request, asked["redirect_uri"], uri)

    def _check_user(self, request: HttpRequest, asked: dict[str, Any]) -> None:
        if not may_let_in(request.user, asked["request"].client):
            raise OAuthToolkitError(
                errors.AccessDeniedError(
                    description="The user is not of the application's organization.",
                    request=asked["request"],
                )
            )

    def _refused(self, request: HttpRequest, refusal: Any) -> HttpResponse:
        error = refusal.oauthlib_error
        if isinstance(error, errors.FatalClientError) or not error.redirect_uri:
            # Nobody is sent to an address that may not be the application's.
            context = {"message": _explained(error), "description": error.description or error.error}
            return render(request, self.refused_template_name, context, status=400)
        return self._redirect(request, error.redirect_uri, error.in_uri(error.redirect_uri))

    def _redirect(self, request: HttpRequest, registered: str, answer: str) -> HttpResponse:
        uri = redirects.with_answer(registered, answer, issuer.issuer(request))
        # It was compared with what is registered; the scheme is the registered one.
        response: HttpResponse = OAuth2ResponseRedirect(uri, [redirects.scheme(uri)])
        # What is in the URL of this page is for nobody else.
        response["Referrer-Policy"] = "no-referrer"
        return response


def _action(request: HttpRequest, scopes: list[str], organization: str) -> str:
    """Where the answer goes: to the same URL, for the scopes and the organization that are on the page.

    A policy that is given more meanwhile does not give what nobody has seen.
    """
    asked = request.GET.copy()
    asked["scope"] = " ".join(scopes)
    asked[SHOWN] = organization
    return f"{request.path}?{asked.urlencode()}"


def _explained(error: Exception) -> str:
    """What is wrong, for the person who was sent here, and can do nothing about it."""
    if isinstance(error, errors.InvalidClientIdError | errors.MissingClientIdError):
        return _("The application is not known here, or may not be used.")
    if isinstance(error, errors.InvalidRequestFatalError):
        return _("The application has sent you here in a way that is not allowed.")
    return _("The application has asked for something that is not possible.")
