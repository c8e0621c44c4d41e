"""How an activation stands, by its server; and what becomes of two counters that are not the same."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tokenauth.client.authentication import PowerAuthAuthentication
from tokenauth.client.exceptions import PowerAuthError, PowerAuthErrorCode
from tokenauth.devices.protocol import counter, status_blob
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.octets import KEY_LENGTH, decoded, encoded
from tokenauth.devices.protocol.status_blob import ActivationStatus
from tokenauth.devices.protocol.token_digest import new_nonce

if TYPE_CHECKING:
    from tokenauth.client.activation import Activation
    from tokenauth.client.session import Session
    from tokenauth.devices.protocol.status_blob import StatusBlob


class PowerAuthActivationState(StrEnum):
    """The server's states; and ``DEADLOCK``: what this device signs is refused, whatever it is."""

    CREATED = "CREATED"
    PENDING_COMMIT = "PENDING_COMMIT"
    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"
    REMOVED = "REMOVED"
    DEADLOCK = "DEADLOCK"


@dataclass(frozen=True)
class PowerAuthActivationStatus:
    """What the server tells the device."""

    state: PowerAuthActivationState
    fail_count: int
    """Wrong signatures, one after the other."""
    max_fail_count: int
    """With as many, the activation is blocked."""

    @property
    def remaining_attempts(self) -> int:
        """How many wrong ones there may be yet; 0, where the activation is not active."""
        if self.state is not PowerAuthActivationState.ACTIVE:
            return 0
        return max(0, self.max_fail_count - self.fail_count)


def fetch(session: Session) -> PowerAuthActivationStatus:
    """Ask the server, and bring the counters together.

    :raises PowerAuthError: it does not answer, or what it says is not of this activation.
    """
    with session.storage.exclusive():
        activation = session.required_activation()
        told = _told(session, activation)
        state = PowerAuthActivationState[told.status.name]
        if told.status is ActivationStatus.ACTIVE and not _synchronize(session, activation, told):
            state = PowerAuthActivationState.DEADLOCK
        return PowerAuthActivationStatus(state, told.failed_attempts, told.max_failed_attempts)


def _told(session: Session, activation: Activation) -> StatusBlob:
    challenge = new_nonce()
    asked = {"activationId": activation.activation_id, "challenge": encoded(challenge)}
    answer = session.ask("/pa/v3/activation/status", {"requestObject": asked})
    try:
        members = answer["responseObject"]
        blob = decoded(members["encryptedStatusBlob"], "encryptedStatusBlob")
        nonce = decoded(members["nonce"], "nonce", KEY_LENGTH)
        return status_blob.decrypt(blob, activation.transport_key, challenge, nonce)
    except (KeyError, TypeError, ProtocolError) as error:
        # A server that does not know the activation answers something random.
        raise PowerAuthError(
            PowerAuthErrorCode.INVALID_ACTIVATION_DATA,
            "The server does not know this activation, or is another one. If it stays so, remove the "
            "activation locally, and activate anew.",
        ) from error


def _synchronize(session: Session, activation: Activation, told: StatusBlob) -> bool:
    """Whether what the device signs next will be accepted; a counter that lags behind is moved."""
    steps = counter.distance(activation.transport_key, activation.counter, told.counter_hash, told.look_ahead)
    if steps is not None:
        if steps:
            session.keep(activation.next(steps))
        return True
    ahead = (activation.count - told.counter_byte) % 256
    if ahead >= told.look_ahead:
        return False
    if ahead >= told.look_ahead // 2:
        # What was signed and never arrived. One that does arrive takes the server along.
        session.post_signed("/pa/v3/signature/validate", b"{}", PowerAuthAuthentication.possession())
    return True
