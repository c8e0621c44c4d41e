"""Who issues this server's JWTs, and whom they are for."""

from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from tokenauth.conf import conf


def issuer(request: HttpRequest) -> str:
    """``OAUTH_ISSUER``; without it, the address at which ``request`` came."""
    return conf.OAUTH_ISSUER or f"{request.scheme}://{request.get_host()}"


def audience(request: HttpRequest) -> str:
    """``OAUTH_AUDIENCE``; without it, the issuer."""
    return conf.OAUTH_AUDIENCE or issuer(request)


def resource_metadata(request: HttpRequest) -> str:
    """Where the API says who issues tokens for it (RFC 9728).

    "" where that is nowhere, or no setting says which address the API has: that of a request is whatever its
    sender calls this server.
    """
    if conf.OAUTH_AUDIENCE is None and conf.OAUTH_ISSUER is None:
        return ""
    try:
        place, resource = reverse("tokenauth_oauth:protected-resource"), audience(request)
    except NoReverseMatch:
        return ""
    return f"{resource.removesuffix(path(resource))}{place}{path(resource)}"


def path(url: str) -> str:
    """The path of a URL, "" where it has none."""
    return urlsplit(url).path.rstrip("/")


def is_within(resource: Any, whole: str) -> bool:
    """Whether ``resource`` (RFC 8707) is the API at ``whole``, or a part of it."""
    return isinstance(resource, str) and f"{resource.rstrip('/')}/".startswith(f"{whole}/")
