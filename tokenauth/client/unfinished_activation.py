"""The note of an activation that the server was asked for, and that is not persisted yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tokenauth.client.asynchronous import caller_has_left
from tokenauth.client.exceptions import PowerAuthError, PowerAuthErrorCode

if TYPE_CHECKING:
    from tokenauth.client.instance_storage import InstanceStorage

_ENTRY = "unfinished"
_ID = "activationId"


class UnfinishedActivation:
    """It outlives the process. Who writes has ``storage.exclusive()``."""

    def __init__(self, storage: InstanceStorage) -> None:
        self._storage = storage

    def begin(self) -> None:
        """Note that the server is asked."""
        self._storage.write(_ENTRY, {_ID: ""})

    def add_id(self, activation_id: str) -> None:
        """Note which one it has given."""
        self._storage.write(_ENTRY, {_ID: activation_id})

    def forget_if_heard(self, error: PowerAuthError) -> None:
        """Take the note away for ``error``; what nobody hears, it tells to whoever comes next."""
        if not (error.is_outcome_unknown and caller_has_left().is_set()):
            self.forget()

    def forget(self) -> None:
        """Take the note away, whatever it says."""
        self._storage.delete(_ENTRY)

    def forget_own(self, activation_id: str) -> None:
        """Take it away, unless another process has been given one since, which is to be told of."""
        left = self._storage.read(_ENTRY)
        if left is not None and left.get(_ID) in ("", activation_id):
            self.forget()

    def tell(self) -> None:
        """Tell of one that is left, once.

        :raises PowerAuthError: ``OPERATION_CANCELED``.
        """
        left = self._storage.read(_ENTRY)
        if left is None:
            return
        activation_id = left.get(_ID)
        error = PowerAuthError(
            PowerAuthErrorCode.OPERATION_CANCELED,
            "An earlier activation was not persisted: it was interrupted, or another program is about to. "
            "If it was, the server may hold it: "
            + (f"remove {activation_id} there." if activation_id else "look there for one of this device.")
            + " The next attempt goes on without it.",
            is_outcome_unknown=True,
        )
        self.forget_if_heard(error)
        raise error
