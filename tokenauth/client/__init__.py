"""For whoever uses an API that is guarded by tokenauth. Imports nothing of Django.

``BearerAuth`` needs nothing else. What a device uses needs the extra ``client``, and is imported when it is
asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tokenauth.client.bearer_auth import BearerAuth, BearerAuthError

if TYPE_CHECKING:
    from tokenauth.client.activation_status import PowerAuthActivationState, PowerAuthActivationStatus
    from tokenauth.client.authentication import PowerAuthAuthentication
    from tokenauth.client.chosen_keychain import default_keychain
    from tokenauth.client.configuration import PowerAuthConfiguration
    from tokenauth.client.encrypted_file_keychain import EncryptedFileKeychain
    from tokenauth.client.exceptions import (
        CorruptedEntryError,
        KeychainError,
        PowerAuthError,
        PowerAuthErrorCode,
    )
    from tokenauth.client.key_exchange import PowerAuthActivation, PowerAuthCreateActivationResult
    from tokenauth.client.keychain import Keychain
    from tokenauth.client.power_auth import PowerAuth
    from tokenauth.client.request_auth import PowerAuthSignatureAuth, PowerAuthTokenAuth
    from tokenauth.client.request_headers import PowerAuthHeader
    from tokenauth.client.system_keychain import SystemKeychain
    from tokenauth.client.time_synchronization import TimeSynchronizationService
    from tokenauth.client.token_store import TokenStore
    from tokenauth.client.tokens import PowerAuthToken

__all__ = [
    "BearerAuth",
    "BearerAuthError",
    "CorruptedEntryError",
    "EncryptedFileKeychain",
    "Keychain",
    "KeychainError",
    "PowerAuth",
    "PowerAuthActivation",
    "PowerAuthActivationState",
    "PowerAuthActivationStatus",
    "PowerAuthAuthentication",
    "PowerAuthConfiguration",
    "PowerAuthCreateActivationResult",
    "PowerAuthError",
    "PowerAuthErrorCode",
    "PowerAuthHeader",
    "PowerAuthSignatureAuth",
    "PowerAuthToken",
    "PowerAuthTokenAuth",
    "SystemKeychain",
    "TimeSynchronizationService",
    "TokenStore",
    "default_keychain",
]

_MODULES = {
    "CorruptedEntryError": "exceptions",
    "EncryptedFileKeychain": "encrypted_file_keychain",
    "Keychain": "keychain",
    "KeychainError": "exceptions",
    "PowerAuth": "power_auth",
    "PowerAuthActivation": "key_exchange",
    "PowerAuthActivationState": "activation_status",
    "PowerAuthActivationStatus": "activation_status",
    "PowerAuthAuthentication": "authentication",
    "PowerAuthConfiguration": "configuration",
    "PowerAuthCreateActivationResult": "key_exchange",
    "PowerAuthError": "exceptions",
    "PowerAuthErrorCode": "exceptions",
    "PowerAuthHeader": "request_headers",
    "PowerAuthSignatureAuth": "request_auth",
    "PowerAuthToken": "tokens",
    "PowerAuthTokenAuth": "request_auth",
    "SystemKeychain": "system_keychain",
    "TimeSynchronizationService": "time_synchronization",
    "TokenStore": "token_store",
    "default_keychain": "chosen_keychain",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
