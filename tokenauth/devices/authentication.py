"""The doors of REST framework for devices."""

from typing import Any

from django.http import HttpRequest

from tokenauth.authentication import CredentialAuthentication
from tokenauth.devices import verification


class DeviceTokenAuthentication(CredentialAuthentication):
    """``X-PowerAuth-Token``: for reading, unless the view has ``device_token_methods = ("POST",)``.

    ``request.user`` is the activation's, ``request.auth`` a :class:`~tokenauth.devices.access.DeviceAccess`.
    """

    def verified(self, request: HttpRequest) -> tuple[Any, Any] | None:
        verified = verification.authenticate(request)
        return None if verified is None or verified.auth.token is None else (verified.user, verified.auth)


class SignatureAuthentication(CredentialAuthentication):
    """``X-PowerAuth-Authorization``: a request that the device has signed, with its body.

    The view names its address by ``signature_uri_id = "/transfers"``, as the application does, and may name
    the factors of which any is enough by ``signature_types``: two or more, where it does not.
    ``request.user`` is the activation's, ``request.auth`` a :class:`~tokenauth.devices.access.DeviceAccess`.
    """

    def verified(self, request: HttpRequest) -> tuple[Any, Any] | None:
        verified = verification.authenticate(request)
        return None if verified is None or verified.auth.token is not None else (verified.user, verified.auth)
