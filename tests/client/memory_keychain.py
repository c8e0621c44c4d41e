"""A keychain of a project's own, as the protocol ``Keychain`` describes one."""

from __future__ import annotations


class MemoryKeychain:
    """``entries`` outlive it, as the system's outlive a program."""

    def __init__(self, entries: dict[str, str]) -> None:
        self.entries = entries

    def read(self, name: str) -> str | None:
        return self.entries.get(name)

    def write(self, name: str, text: str) -> None:
        self.entries[name] = text

    def delete(self, name: str) -> None:
        self.entries.pop(name, None)
