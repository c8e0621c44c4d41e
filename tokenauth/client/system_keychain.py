"""Secrets in the keychain of the system: macOS's, Windows's, GNOME's, KDE's."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tokenauth.client.exceptions import KeychainError
from tokenauth.client.extra import of_the_extra

with of_the_extra():
    import keyring
    from keyring.backends.chainer import ChainerBackend
    from keyring.backends.fail import Keyring as NoKeyring
    from keyring.backends.null import Keyring as NullKeyring
    from keyring.errors import KeyringLocked, NoKeyringError, PasswordDeleteError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyring.backend import KeyringBackend


class SystemKeychain:
    """A ``Keychain`` by ``keyring``, which is asked anew each time for what the system has.

    ``service`` is the program's name in it: give your own where programs must not share.
    """

    def __init__(self, service: str = "tokenauth.client") -> None:
        self.service = service

    def __repr__(self) -> str:
        return f"SystemKeychain({self.service!r})"

    def read(self, name: str) -> str | None:
        """What is there under ``name``; None = nothing.

        :raises KeychainError: it is locked, missing, or refuses.
        """
        with _told_as_keychain_errors():
            return _present_keyring().get_password(self._place(name), self.service)

    def write(self, name: str, text: str) -> None:
        """Put ``text`` there, in place of what was.

        :raises KeychainError: it is locked, missing, or refuses; or took it and did not keep it.
        """
        with _told_as_keychain_errors(text):
            _present_keyring().set_password(self._place(name), self.service, text)
        # KWallet's does not say when it fails, nor does a chain of keyrings that none can write to.
        if self.read(name) != text:
            raise KeychainError("The system's keychain did not keep what was written.")

    def delete(self, name: str) -> None:
        """Take away what is there, if there is anything.

        :raises KeychainError: it is locked, missing, or refuses.
        """
        refusal = None
        with _told_as_keychain_errors():
            try:
                _present_keyring().delete_password(self._place(name), self.service)
            except PasswordDeleteError as error:
                # Raised for what is not there, too: what is left says which it was.
                refusal = error
        if self.read(name) is not None:
            raise KeychainError("The system's keychain did not delete what was to be deleted.") from refusal

    def _place(self, name: str) -> str:
        # A service of its own for each: Windows has one place for a service, and moves what is there for
        # another name away and back, whereby two processes lose an entry.
        return f"{self.service}/{name}"


def find_keyring() -> KeyringBackend | None:
    """The keyring that the system has, or a person has configured; None = there is none.

    :raises KeychainError: what is configured cannot be loaded.
    """
    try:
        found = keyring.get_keyring()
    except Exception as error:
        # It is a module that somebody named, and raises what it likes.
        raise KeychainError(
            "The keyring that is configured cannot be loaded: see PYTHON_KEYRING_BACKEND and keyringrc.cfg."
        ) from error
    is_empty_chain = isinstance(found, ChainerBackend) and not found.backends
    return None if is_empty_chain or isinstance(found, NoKeyring | NullKeyring) else found


def _present_keyring() -> KeyringBackend:
    found = find_keyring()
    if found is None:
        raise _no_keychain()
    return found


def _no_keychain() -> KeychainError:
    return KeychainError(
        "This system has no keychain, or it cannot be reached from here. Start one (gnome-keyring, KWallet), "
        "or use EncryptedFileKeychain."
    )


@contextmanager
def _told_as_keychain_errors(secret: str = "") -> Iterator[None]:
    """What keyrings raise, without ``secret``."""
    try:
        yield
    except KeychainError:
        raise
    except KeyringLocked as error:
        raise KeychainError("The system's keychain is locked. Unlock it, and try again.") from error
    except NoKeyringError as error:
        raise _no_keychain() from error
    except Exception as error:
        # Beside keyring's own, each lets through what its platform raises (D-Bus, GLib, pywin32), which can
        # only be named where that is installed. For the caller it is one thing.
        kind = type(error).__name__
        if secret and any(secret in str(part) for part in (error, *error.args)):
            raise KeychainError(f"The system's keychain refuses: {kind}.") from None
        raise KeychainError(f"The system's keychain refuses: {kind}: {error}") from error
