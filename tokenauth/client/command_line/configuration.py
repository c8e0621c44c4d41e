"""The configuration of an instance: given once, with its activation, and kept for the commands after it."""

from __future__ import annotations

import os
import re
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING

from tokenauth.client.command_line.exceptions import CommandError
from tokenauth.client.command_line.options import (
    APP_SECRET_VARIABLE,
    SDK_CONFIGURATION_VARIABLE,
    usage_error,
)
from tokenauth.client.configuration import PowerAuthConfiguration
from tokenauth.client.exceptions import CorruptedEntryError, PowerAuthError, PowerAuthErrorCode
from tokenauth.devices.protocol.versions import Version

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from tokenauth.client.instance_storage import InstanceStorage

ENTRY = "configuration"

# What a message calls by the name of a parameter, and a person gives by an option.
_OPTIONS = {
    "base_endpoint_url": "--url",
    "enable_unsecure_traffic": "--enable-unsecure-traffic",
    "protocol_version": "--protocol-version",
    "app_key": "--app-key",
    "app_secret": "--app-secret",
    "master_server_public_key": "--master-public-key",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those from which :func:`given` makes one."""
    group = parser.add_argument_group(
        "which server",
        "As createdeviceapplication prints it. What is left out is as it was before.",
    )
    group.add_argument("--url", metavar="URL", help="what comes before /pa/v3: https://api.example.com")
    one = group.add_mutually_exclusive_group()
    one.add_argument(
        "--sdk-configuration-file",
        metavar="FILE",
        help="a file that has SDK_CONFIGURATION, alone or as createdeviceapplication printed it",
    )
    one.add_argument(
        "--sdk-configuration",
        metavar="TEXT",
        help=f"that text itself (or {SDK_CONFIGURATION_VARIABLE}, which other people do not see)",
    )
    group.add_argument("--app-key", metavar="TEXT", help="APPLICATION_KEY, in place of that text")
    group.add_argument("--app-secret", metavar="TEXT", help=f"APPLICATION_SECRET (or {APP_SECRET_VARIABLE})")
    group.add_argument("--master-public-key", metavar="TEXT", help="MASTER_PUBLIC_KEY")
    group.add_argument(
        "--enable-unsecure-traffic",
        action="store_true",
        help="let the address be http://, for tests and for this machine alone",
    )
    group.add_argument(
        "--protocol-version", choices=["3.1", "3.2", "3.3"], help="of PowerAuth (default: 3.3)"
    )


def given(options: argparse.Namespace, storage: InstanceStorage) -> PowerAuthConfiguration:
    """What ``options`` and the environment say, completed by what is kept.

    :raises PowerAuthError: ``WRONG_PARAMETER``; or what is kept and needed cannot be read.
    :raises CommandError: a file cannot be read.
    """
    of_application = _application(options)
    before = _before(storage, is_needed=of_application is None or options.url is None)
    make = of_application or (None if before is None else partial(replace, before))
    url = options.url or (None if before is None else before.base_endpoint_url)
    if make is None or url is None:
        missing = "--url" if url is None else "--sdk-configuration-file"
        usage_error(options, f"{missing} is needed: of instance {options.instance}, nothing is kept yet")
    is_unsecure = options.enable_unsecure_traffic or (
        before is not None and before.base_endpoint_url == url and before.enable_unsecure_traffic
    )
    version = options.protocol_version or (before.protocol_version if before else Version.V3_3)
    try:
        return make(base_endpoint_url=url, enable_unsecure_traffic=is_unsecure, protocol_version=version)
    except PowerAuthError as error:
        message = error.message
        for parameter, option in _OPTIONS.items():
            message = message.replace(parameter, option)
        raise PowerAuthError(error.code, message) from None


def kept(storage: InstanceStorage) -> PowerAuthConfiguration | None:
    """What :func:`keep` has written; None = nothing.

    :raises PowerAuthError: it cannot be read.
    """
    try:
        members = storage.read(ENTRY)
    except CorruptedEntryError as error:
        raise _damaged() from error
    try:
        return None if members is None else PowerAuthConfiguration(**members)
    except (TypeError, AttributeError, PowerAuthError) as error:
        raise _damaged() from error


def keep(storage: InstanceStorage, configuration: PowerAuthConfiguration) -> None:
    """Write it where the commands after this one find it.

    :raises PowerAuthError: the keychain refuses.
    """
    storage.write(ENTRY, asdict(configuration))


def forget(storage: InstanceStorage) -> None:
    """Take it away.

    :raises PowerAuthError: the keychain refuses.
    """
    storage.delete(ENTRY)


def _damaged() -> CorruptedEntryError:
    return CorruptedEntryError(
        "What is kept of the server is damaged: say again where it is and which application this is, with "
        "configure.",
        PowerAuthErrorCode.INVALID_ACTIVATION_DATA,
    )


def _before(storage: InstanceStorage, *, is_needed: bool) -> PowerAuthConfiguration | None:
    try:
        return kept(storage)
    except CorruptedEntryError:
        if is_needed:
            raise
        # It is all said again, and so written over.
        return None


def _application(options: argparse.Namespace) -> Callable[..., PowerAuthConfiguration] | None:
    """What makes a configuration of the one text, or of the three; None where nothing is said of them."""
    is_text_given = options.sdk_configuration is not None or options.sdk_configuration_file is not None
    if any(given is not None for given in (options.app_key, options.app_secret, options.master_public_key)):
        if is_text_given:
            usage_error(options, "an SDK configuration says what --app-key and the others say: give either")
        secret = options.app_secret or os.environ.get(APP_SECRET_VARIABLE)
        if not (options.app_key and secret and options.master_public_key):
            usage_error(options, "--app-key, --app-secret and --master-public-key go together")
        return partial(PowerAuthConfiguration, options.app_key, secret, options.master_public_key)
    text: str | None
    if options.sdk_configuration_file is not None:
        text = _read(options.sdk_configuration_file)
    elif options.sdk_configuration is not None:
        text = options.sdk_configuration
    else:
        text = os.environ.get(SDK_CONFIGURATION_VARIABLE)
    return None if text is None else partial(PowerAuthConfiguration.from_sdk_configuration, text)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text"
        raise CommandError(f"{path} cannot be read: {reason}.") from error
    among_others = re.search(r"^SDK_CONFIGURATION=(.*)$", text, re.MULTILINE)
    return among_others[1].strip() if among_others else text.strip()
