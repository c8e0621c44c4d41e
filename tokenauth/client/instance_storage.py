"""What one instance of a device keeps."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenauth.client.change_stamp import ChangeStamp
from tokenauth.client.exceptions import (
    CorruptedEntryError,
    KeychainError,
    PowerAuthError,
    PowerAuthErrorCode,
)
from tokenauth.client.extra import of_the_extra
from tokenauth.client.private_file import make_private_directory
from tokenauth.client.process_lock import ProcessLock

with of_the_extra():
    import platformdirs

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    from tokenauth.client.change_stamp import Stamp
    from tokenauth.client.keychain import Keychain

LONGEST_INSTANCE_ID = 255
# In seconds: longer than a request takes, unless its server is slow.
TIMEOUT = 60.0


class InstanceStorage:
    """The entries of ``instance_id`` in ``keychain``, as they are for every thread and process of the user.

    ``directory`` holds the lock, and what says that something changed; no secret. All who share a keychain
    share it. It is the user's state directory where none is named.

    What was read is kept in memory until another wrote.

    :raises PowerAuthError: ``WRONG_PARAMETER``: an instance id has 1 to 255 characters, and no control
        characters.
    """

    def __init__(
        self, keychain: Keychain, instance_id: str, directory: str | os.PathLike[str] | None = None
    ) -> None:
        _check_instance_id(instance_id)
        if directory is None:
            directory = platformdirs.user_state_path("tokenauth", appauthor=False)
        self.instance_id = instance_id
        self._keychain = keychain
        self._directory = Path(directory).resolve()
        # Any character may be in the one, and not in a file's name.
        name = hashlib.sha256(instance_id.encode()).hexdigest()[:32]
        self._lock = ProcessLock(self._directory / f"{name}.lock")
        self._stamp = ChangeStamp(self._directory / f"{name}.stamp")
        # The stamp they were read under, and the entries: as JSON, so that nobody changes what another was
        # given; None for what is not there. Replaced as one, so that threads need no lock.
        self._cache: tuple[Stamp | None, dict[str, str | None]] = (None, {})

    def __repr__(self) -> str:
        return f"InstanceStorage({self.instance_id!r})"

    @contextmanager
    def exclusive(self, timeout: float = TIMEOUT) -> Iterator[None]:
        """Have the instance for this thread of this process, after ``timeout`` seconds at most.

        A thread that has it may take it again.

        :raises PowerAuthError: ``EXTERNAL_PENDING_OPERATION``: another has it all that while.
        :raises KeychainError: the directory cannot be written.
        """
        with ExitStack() as stack:
            try:
                self._take(stack, timeout)
            except TimeoutError as error:
                raise PowerAuthError(
                    PowerAuthErrorCode.EXTERNAL_PENDING_OPERATION,
                    f"Another thread or process has been at work on this instance for {timeout:g} seconds.",
                ) from error
            except OSError as error:
                raise self._unwritable(error) from error
            yield

    def read(self, entry: str) -> dict[str, Any] | None:
        """The members of ``entry``, for the caller to change; None = there is no such entry.

        :raises KeychainError: the keychain is locked, missing, or refuses.
        :raises CorruptedEntryError: ``INVALID_ACTIVATION_DATA``: what is there was not put there for this.
        """
        # Before the keychain: what changes while it is read is read again next time.
        stamp = self._stamp.current() or self._first_stamp()
        cached_under, cached = self._cache
        if stamp is not None and stamp == cached_under and entry in cached:
            text = cached[entry]
        else:
            text = self._stored(entry)
            self._keep(entry, text, stamp, goes_on_from=stamp)
        return None if text is None else json.loads(text)

    def write(self, entry: str, members: Mapping[str, Any]) -> None:
        """Put ``members``, which JSON can hold, in place of what was.

        :raises KeychainError: the keychain is locked, missing, or refuses.
        :raises PowerAuthError: ``EXTERNAL_PENDING_OPERATION``: as for ``exclusive``.
        """
        text = json.dumps(dict(members), allow_nan=False)
        wrapped = json.dumps({"instance": self.instance_id, "entry": entry, "members": json.loads(text)})
        with self._changing(entry, text):
            self._keychain.write(self._name(entry), wrapped)

    def delete(self, entry: str) -> None:
        """Take the entry away, if there is one, and whatever it is.

        :raises KeychainError: the keychain is locked, missing, or refuses.
        :raises PowerAuthError: ``EXTERNAL_PENDING_OPERATION``: as for ``exclusive``.
        """
        with self._changing(entry, None):
            self._keychain.delete(self._name(entry))

    def _name(self, entry: str) -> str:
        return f"{entry}@{self.instance_id}"

    def _take(self, stack: ExitStack, timeout: float) -> None:
        make_private_directory(self._directory)
        stack.enter_context(self._lock.held(timeout))

    def _first_stamp(self) -> Stamp | None:
        """One where there is none: at the very first, and after a process was killed as it wrote."""
        with ExitStack() as stack:
            try:
                self._take(stack, 0)
            except OSError:
                # Somebody is at it, or there can be no stamp: what is read is not kept this time.
                return None
            return self._stamp.current() or self._stamp.renew()

    @contextmanager
    def _changing(self, entry: str, text: str | None) -> Iterator[None]:
        """While the keychain is written. Nothing is kept of what others read meanwhile, nor if it fails."""
        with self.exclusive():
            before = self._stamp.current()
            try:
                self._stamp.remove()
            except OSError as error:
                raise self._unwritable(error) from error
            yield
            self._keep(entry, text, self._stamp.renew(), goes_on_from=before)

    def _keep(self, entry: str, text: str | None, stamp: Stamp | None, *, goes_on_from: Stamp | None) -> None:
        """In memory, with the others that were read under ``goes_on_from``. Without a stamp: not at all."""
        cached_under, cached = self._cache
        others = cached if cached_under == goes_on_from else {}
        self._cache = (None, {}) if stamp is None else (stamp, {**others, entry: text})

    def _stored(self, entry: str) -> str | None:
        wrapped = self._keychain.read(self._name(entry))
        if wrapped is None:
            return None
        try:
            found = json.loads(wrapped)
        except (ValueError, RecursionError):
            # Nothing of what is there is told: it may be another's secret.
            raise self._corrupted(entry, "is not what was put there") from None
        match found:
            case {"instance": self.instance_id, "entry": str(of_entry), "members": dict(members)} if (
                of_entry == entry
            ):
                return json.dumps(members)
        raise self._corrupted(entry, "is of another instance, or of something else")

    def _corrupted(self, entry: str, what: str) -> CorruptedEntryError:
        return CorruptedEntryError(
            f"The keychain's entry {self._name(entry)!r} {what}.", PowerAuthErrorCode.INVALID_ACTIVATION_DATA
        )

    def _unwritable(self, error: OSError) -> KeychainError:
        return KeychainError(
            f"{self._directory}, which is for locks, cannot be written: {error.strerror}. "
            "Nothing was changed. Name another directory."
        )


def _check_instance_id(instance_id: str) -> None:
    if not 1 <= len(instance_id) <= LONGEST_INSTANCE_ID or any(
        # Halves of surrogate pairs as well, which no keychain can hold.
        unicodedata.category(character) in ("Cc", "Cs")
        for character in instance_id
    ):
        raise PowerAuthError(
            PowerAuthErrorCode.WRONG_PARAMETER,
            f"An instance id has 1 to {LONGEST_INSTANCE_ID} characters, and no control characters.",
        )
