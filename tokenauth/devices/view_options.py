"""What a view says of devices: by attributes of its class, or of its function (see ``decorators``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ImproperlyConfigured

from tokenauth.devices.protocol.signatures import SignatureType

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from django.http import HttpRequest

# A token says nothing of what is to be done: it is for what changes nothing.
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

TWO_FACTORS: Final = frozenset(each for each in SignatureType if len(each.factors) > 1)


def speaks_powerauth(request: HttpRequest) -> bool:
    """Whether the view is one of the protocol's own, which judges for itself what devices present."""
    return bool(_option(request, "speaks_powerauth", default=False))


def takes_tokens(request: HttpRequest) -> bool:
    """Whether the view takes tokens for the method: a safe one, or one of ``device_token_methods``."""
    method = request.method
    return method in SAFE_METHODS or method in _collection(request, "device_token_methods", default=())


def signature_uri_id(request: HttpRequest) -> str | None:
    """What the view's address is called by ``signature_uri_id``; None: it takes no signature."""
    uri_id: str | None = _option(request, "signature_uri_id", default=None)
    return uri_id


def signature_types(request: HttpRequest) -> Collection[SignatureType]:
    """The factors of which any is enough, by ``signature_types``; two or more, where it says nothing."""
    return _collection(request, "signature_types", default=TWO_FACTORS)


def _collection(request: HttpRequest, name: str, *, default: Collection[Any]) -> Collection[Any]:
    value: Collection[Any] = _option(request, name, default=default)
    if isinstance(value, str):
        # Of which each part would do: of "possession_knowledge", "possession" alone.
        raise ImproperlyConfigured(f"{name} must be a list, not the text {value!r}.")
    return value


def _option(request: HttpRequest, name: str, *, default: Any) -> Any:
    for options in _options(request):
        if name in options:
            return options[name]
    for view in _views(request):
        if hasattr(view, name):
            return getattr(view, name)
    return default


def _options(request: HttpRequest) -> Iterator[Mapping[str, Any]]:
    """What was given to ``as_view()``: of one action of a view set, for example."""
    if match := request.resolver_match:
        yield getattr(match.func, "initkwargs", None) or {}
        yield getattr(match.func, "view_initkwargs", None) or {}


def _views(request: HttpRequest) -> Iterator[Any]:
    """The function that the address leads to, and its class: REST framework's or Django's."""
    if match := request.resolver_match:
        yield match.func
        yield getattr(match.func, "cls", None)
        yield getattr(match.func, "view_class", None)
