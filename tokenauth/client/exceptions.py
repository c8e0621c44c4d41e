"""Why something could not be done, by the codes of the mobile SDKs."""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class PowerAuthErrorCode(StrEnum):
    """The codes of the SDKs, as React Native writes them; the one of time is Flutter's."""

    NETWORK_ERROR = "NETWORK_ERROR"
    AUTHENTICATION_ERROR = "AUTHENTICATION_ERROR"
    RESPONSE_ERROR = "RESPONSE_ERROR"
    SIGNATURE_ERROR = "SIGNATURE_ERROR"
    INVALID_ACTIVATION_STATE = "INVALID_ACTIVATION_STATE"
    INVALID_ACTIVATION_DATA = "INVALID_ACTIVATION_DATA"
    MISSING_ACTIVATION = "MISSING_ACTIVATION"
    PENDING_ACTIVATION = "PENDING_ACTIVATION"
    OPERATION_CANCELED = "OPERATION_CANCELED"
    INVALID_ACTIVATION_CODE = "INVALID_ACTIVATION_CODE"
    INVALID_TOKEN = "INVALID_TOKEN"  # noqa: S105
    INVALID_ENCRYPTOR = "INVALID_ENCRYPTOR"
    ENCRYPTION_ERROR = "ENCRYPTION_ERROR"
    WRONG_PARAMETER = "WRONG_PARAMETER"
    PROTOCOL_UPGRADE = "PROTOCOL_UPGRADE"
    PENDING_PROTOCOL_UPGRADE = "PENDING_PROTOCOL_UPGRADE"
    TIME_SYNCHRONIZATION = "TIME_SYNCHRONIZATION"
    INSTANCE_NOT_CONFIGURED = "INSTANCE_NOT_CONFIGURED"
    CANNOT_GENERATE_TOKEN = "CANNOT_GENERATE_TOKEN"  # noqa: S105
    LOCAL_TOKEN_NOT_AVAILABLE = "LOCAL_TOKEN_NOT_AVAILABLE"  # noqa: S105
    EXTERNAL_PENDING_OPERATION = "EXTERNAL_PENDING_OPERATION"
    PASSWORD_NOT_SET = "PASSWORD_NOT_SET"  # noqa: S105
    INVALID_NATIVE_OBJECT = "INVALID_NATIVE_OBJECT"
    INVALID_CHARACTER = "INVALID_CHARACTER"
    INVALID_RECOVERY_CODE = "INVALID_RECOVERY_CODE"
    INSUFFICIENT_KEYCHAIN_PROTECTION = "INSUFFICIENT_KEYCHAIN_PROTECTION"
    BIOMETRY_CANCEL = "BIOMETRY_CANCEL"
    BIOMETRY_FALLBACK = "BIOMETRY_FALLBACK"
    BIOMETRY_FAILED = "BIOMETRY_FAILED"
    BIOMETRY_LOCKOUT = "BIOMETRY_LOCKOUT"
    BIOMETRY_NOT_AVAILABLE = "BIOMETRY_NOT_AVAILABLE"
    BIOMETRY_NOT_CONFIGURED = "BIOMETRY_NOT_CONFIGURED"
    BIOMETRY_NOT_ENROLLED = "BIOMETRY_NOT_ENROLLED"
    BIOMETRY_NOT_RECOGNIZED = "BIOMETRY_NOT_RECOGNIZED"
    BIOMETRY_NOT_SUPPORTED = "BIOMETRY_NOT_SUPPORTED"
    WATCH_CONNECTIVITY = "WATCH_CONNECTIVITY"
    UNKNOWN_ERROR = "UNKNOWN_ERROR"


class PowerAuthError(Exception):
    """What the SDKs call by the same name. No secret is in its text.

    ``code`` is for a program, ``message`` for whoever reads it. Of an answer that the server gave,
    ``http_status``, ``server_code`` and ``server_message`` say what it was; else they are 0 and empty.
    ``is_outcome_unknown``: the server may have done what it was asked for, all the same; ``message`` says
    what it may hold then.
    """

    def __init__(
        self,
        code: PowerAuthErrorCode,
        message: str,
        *,
        http_status: int = 0,
        server_code: str = "",
        server_message: str = "",
        is_outcome_unknown: bool = False,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.http_status = http_status
        self.server_code = server_code
        self.server_message = server_message
        self.is_outcome_unknown = is_outcome_unknown

    def __reduce__(self) -> tuple[Any, ...]:
        # By keyword, which Exception's own way of pickling cannot do.
        return _restored, (type(self), self.code, self.message, self.__dict__)


class KeychainError(PowerAuthError):
    """The keychain is locked, missing, or does not open. Nothing was changed, unless ``message`` says so."""

    def __init__(
        self, message: str, code: PowerAuthErrorCode = PowerAuthErrorCode.UNKNOWN_ERROR, **details: Any
    ) -> None:
        super().__init__(code, message, **details)


class CorruptedEntryError(KeychainError):
    """What the keychain has for this is not what was put there, or is of another instance."""


def _restored(
    cls: type[PowerAuthError], code: PowerAuthErrorCode, message: str, state: dict[str, Any]
) -> PowerAuthError:
    error = cls.__new__(cls)
    PowerAuthError.__init__(error, code, message)
    error.__dict__.update(state)
    return error
