"""What a function view says of devices. A class has attributes of the same names for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from tokenauth.devices.view_options import TWO_FACTORS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tokenauth.devices.protocol.signatures import SignatureType

View = TypeVar("View", bound="Callable[..., Any]")


def device_token_methods(*methods: str) -> Callable[[View], View]:
    """Take tokens for these methods as well, and not for reading alone.

    A token's header says nothing of the request that it is sent with: whoever gets hold of one that has not
    arrived can send another request with it, within the tolerance of the clock. Outermost of the decorators,
    or within those that use ``functools.wraps()``.
    """

    def decorate(view: View) -> View:
        return _marked(view, device_token_methods=methods)

    return decorate


def device_signature(uri_id: str, types: Collection[SignatureType] = TWO_FACTORS) -> Callable[[View], View]:
    """Take requests that a device has signed as ``uri_id``, with any of the factors ``types``.

    ``uri_id`` is what the application calls the address, such as ``/transfers``: it is signed, and the path
    is not.
    """

    def decorate(view: View) -> View:
        return _marked(view, signature_uri_id=uri_id, signature_types=types)

    return decorate


def _marked(view: View, **options: object) -> View:
    # The class that REST framework's api_view makes of one function is all that a schema sees of it. Another
    # class may be at other addresses as well.
    made = getattr(view, "cls", None)
    targets = [view, made] if getattr(made, "__qualname__", "") == "WrappedAPIView" else [view]
    for target in targets:
        for name, value in options.items():
            setattr(target, name, value)
    return view
