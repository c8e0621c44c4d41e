"""Where the tokens of an instance are in its keychain, of which no system can list what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokenauth.client.exceptions import CorruptedEntryError
from tokenauth.client.tokens import StoredToken, corrupted

if TYPE_CHECKING:
    from tokenauth.client.instance_storage import InstanceStorage

_INDEX = "tokens"
_NAMES, _UNFINISHED = "names", "unfinished"


class TokenEntries:
    """One entry a token, and one that has their names.

    A name is in it before the entry is, and until the entry is gone. Of those that are ``unfinished``, the
    server was asked for a token, and nobody knows what came of it. Who writes has ``storage.exclusive()``.
    """

    def __init__(self, storage: InstanceStorage) -> None:
        self._storage = storage

    def read(self, name: str) -> StoredToken | None:
        """:raises PowerAuthError: ``INVALID_TOKEN``."""
        if not self._is_named(name):
            return None
        try:
            members = self._storage.read(_entry(name))
        except CorruptedEntryError as error:
            raise corrupted(name) from error
        return None if members is None else StoredToken.parse(members, name)

    def write(self, token: StoredToken) -> None:
        self._change(named=token.name)
        self._storage.write(_entry(token.name), token.members())

    def delete(self, name: str) -> None:
        self._storage.delete(_entry(name))
        self._change(nameless=name)

    def delete_all(self) -> None:
        try:
            names = self.names()
        except CorruptedEntryError:
            # What they were called is lost. What has no name is not there for anybody.
            names = []
        for name in names:
            self._storage.delete(_entry(name))
        self._storage.delete(_INDEX)

    def names(self) -> list[str]:
        """In the order in which they were requested; there need be no entry of each."""
        return self._index()[_NAMES]

    def is_unfinished(self, name: str) -> bool:
        return name in self._index()[_UNFINISHED]

    def begin(self, name: str) -> None:
        """Note that the server is asked."""
        index = self._index()
        index[_UNFINISHED].append(name)
        self._storage.write(_INDEX, index)

    def finish(self, name: str) -> None:
        """Take the note away."""
        self._change(finished=name)

    def _is_named(self, name: str) -> bool:
        try:
            return name in self.names()
        except CorruptedEntryError:
            # What they are called is lost; what is there is not.
            return True

    def _change(self, *, named: str = "", nameless: str = "", finished: str = "") -> None:
        before = self._index()
        names = [name for name in before[_NAMES] if name != nameless]
        if named and named not in names:
            names.append(named)
        unfinished = [name for name in before[_UNFINISHED] if name not in (nameless, finished)]
        after = {_NAMES: names, _UNFINISHED: unfinished}
        if after != before:
            self._storage.write(_INDEX, after)

    def _index(self) -> dict[str, list[str]]:
        members: dict[str, Any] = self._storage.read(_INDEX) or {}
        index = {key: members.get(key, []) for key in (_NAMES, _UNFINISHED)}
        for names in index.values():
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise CorruptedEntryError("The list of the tokens on this device cannot be read.")
        return index


def _entry(name: str) -> str:
    # Not Base64: there are keychains that take upper case for lower.
    return f"token.{name.encode().hex()}"
