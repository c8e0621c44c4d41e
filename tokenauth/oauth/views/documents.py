"""What anybody may read: the keys (RFC 7517), and who this server is (RFC 8414, RFC 9728)."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from tokenauth.oauth import issuer, signing_keys


@login_not_required
@require_safe
def jwks(request: HttpRequest) -> JsonResponse:
    """The public keys of every live token."""
    return _document(signing_keys.published())


@login_not_required
@require_safe
def authorization_server(request: HttpRequest, path: str = "") -> JsonResponse:
    """RFC 8414. ``path``: that of the issuer, where it has one.

    The scopes are not listed, here and below: some clients ask for all that are, and are refused, since no
    application may have all. One that names none asks for what its policy allows.
    """
    iss = issuer.issuer(request)
    _check_path(path, iss)
    methods = ["client_secret_basic", "client_secret_post"]
    return _document(
        {
            "issuer": iss,
            "authorization_endpoint": _url(request, "authorize"),
            "token_endpoint": _url(request, "token"),
            "revocation_endpoint": _url(request, "revoke"),
            "introspection_endpoint": _url(request, "introspect"),
            "userinfo_endpoint": _url(request, "userinfo"),
            "jwks_uri": _url(request, "jwks"),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
            "token_endpoint_auth_methods_supported": [*methods, "none"],
            "revocation_endpoint_auth_methods_supported": [*methods, "none"],
            "introspection_endpoint_auth_methods_supported": methods,
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
    )


@login_not_required
@require_safe
def protected_resource(request: HttpRequest, path: str = "") -> JsonResponse:
    """RFC 9728. ``path``: that of the API, where it has one."""
    audience = issuer.audience(request)
    _check_path(path, audience)
    return _document(
        {
            "resource": audience,
            "authorization_servers": [issuer.issuer(request)],
            "bearer_methods_supported": ["header"],
            "jwks_uri": _url(request, "jwks"),
        }
    )


def _check_path(path: str, url: str) -> None:
    # Without one, at the root: there are clients that know no other place.
    if path and f"/{path}" != issuer.path(url):
        raise Http404


def _url(request: HttpRequest, name: str) -> str:
    path = reverse(f"tokenauth_oauth:{name}")
    root = issuer.issuer(request).removesuffix(issuer.path(issuer.issuer(request)))
    return f"{root}{path}"


def _document(members: dict[str, Any]) -> JsonResponse:
    response = JsonResponse(members)
    response["Cache-Control"] = "public, max-age=300"
    # Applications in a browser read them as well; there is nothing in them that is not public.
    response["Access-Control-Allow-Origin"] = "*"
    return response
