"""The device that a command is about: its keychain, its configuration, and what they open."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tokenauth.client.command_line import configuration
from tokenauth.client.command_line.exceptions import CommandError
from tokenauth.client.command_line.options import KEY_VARIABLE, usage_error
from tokenauth.client.exceptions import CorruptedEntryError, PowerAuthError, PowerAuthErrorCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from tokenauth.client.configuration import PowerAuthConfiguration
    from tokenauth.client.instance_storage import InstanceStorage
    from tokenauth.client.keychain import Keychain
    from tokenauth.client.power_auth import PowerAuth

# What has dependencies of its own is imported where it is used: --help needs none of them.


@contextmanager
def opened(options: argparse.Namespace, given: PowerAuthConfiguration | None = None) -> Iterator[PowerAuth]:
    """The device, until the block ends. Its configuration is the one that is kept, unless one is given.

    :raises PowerAuthError: ``INSTANCE_NOT_CONFIGURED``: none is; or it cannot be read.
    """
    from tokenauth.client.power_auth import PowerAuth

    keychain = keychain_of(options)
    storage = storage_of(options, keychain)
    known = given or configuration.kept(storage)
    if known is None:
        raise PowerAuthError(
            PowerAuthErrorCode.INSTANCE_NOT_CONFIGURED, _unknown(options.instance, storage, keychain)
        )
    with PowerAuth(
        options.instance, known, keychain=keychain, directory=options.directory, timeout=options.timeout
    ) as power_auth:
        yield power_auth


def keychain_of(options: argparse.Namespace) -> Keychain:
    """Where ``options`` and the environment say that secrets are kept.

    :raises CommandError: the key in the environment is none.
    """
    from tokenauth.client.chosen_keychain import default_file, default_keychain
    from tokenauth.client.encrypted_file_keychain import EncryptedFileKeychain
    from tokenauth.client.system_keychain import SystemKeychain

    path, key = options.keychain_file, os.environ.get(KEY_VARIABLE)
    if options.keychain == "system":
        if path is not None:
            usage_error(options, "--keychain-file is of --keychain file")
        return SystemKeychain()
    # Nothing but a file has a key to be given.
    if options.keychain == "file" or path is not None or key:
        try:
            return EncryptedFileKeychain(path or default_file(), key.encode() if key else None)
        except PowerAuthError as error:
            raise CommandError(f"{KEY_VARIABLE}: {error.message}") from error
    return default_keychain()


def storage_of(options: argparse.Namespace, keychain: Keychain) -> InstanceStorage:
    """What is kept of the instance in ``keychain``."""
    from tokenauth.client.instance_storage import InstanceStorage

    return InstanceStorage(keychain, options.instance, options.directory)


def is_activated(storage: InstanceStorage) -> bool:
    """Whether there is an activation, damaged or not."""
    from tokenauth.client.session import ACTIVATION

    try:
        return storage.read(ACTIVATION) is not None
    except CorruptedEntryError:
        return True


def _unknown(instance: str, storage: InstanceStorage, keychain: Keychain) -> str:
    if is_activated(storage):
        # By a program, which says it itself each time.
        return f"Instance {instance} is activated here; which server it is of is not kept."
    return f"There is no instance {instance} in {_place(keychain)}."


def _place(keychain: Keychain) -> str:
    """What a person who looks in the wrong one sees it by: under another account, it is another file."""
    from tokenauth.client.encrypted_file_keychain import EncryptedFileKeychain

    if not isinstance(keychain, EncryptedFileKeychain):
        return "the system's keychain"
    return str(keychain.path) if keychain.path.exists() else f"{keychain.path}, which is not there"
