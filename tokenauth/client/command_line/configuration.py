"""The configuration of an instance: given once, with its activation, and kept for the commands after it."""

from __future__ import annotations

import os
import re
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from tokenauth.client.command_line.exceptions import CommandError
from tokenauth.client.command_line.options import (
    APP_SECRET_VARIABLE,
    SDK_CONFIGURATION_VARIABLE,
    usage_error,
)
from tokenauth.client.configuration import PowerAuthConfiguration
from tokenauth.client.exceptions import CorruptedEntryError, PowerAuthError, PowerAuthErrorCode

if TYPE_CHECKING:
    import argparse

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
        "As createdeviceapplication prints it. What is left out is as it was for this instance before.",
    )
    group.add_argument("--url", metavar="URL", help="what comes before /pa/v3: https://api.example.com")
    one = group.add_mutually_exclusive_group()
    one.add_argument(
        "--sdk-configuration-file",
        metavar="FILE",
        help="a file with SDK_CONFIGURATION, alone or among the lines of createdeviceapplication",
    )
    one.add_argument(
        "--sdk-configuration",
        metavar="TEXT",
        help=f"the text itself; in {SDK_CONFIGURATION_VARIABLE}, nobody else on this machine sees it",
    )
    group.add_argument("--app-key", metavar="TEXT", help="in place of it: APPLICATION_KEY,")
    group.add_argument("--app-secret", metavar="TEXT", help=f"APPLICATION_SECRET (or {APP_SECRET_VARIABLE}),")
    group.add_argument("--master-public-key", metavar="TEXT", help="and MASTER_PUBLIC_KEY")
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
    application = _application(options)
    # What is damaged is in nobody's way who says it all again.
    before = kept(storage) if application is None or options.url is None else None
    if before is None and (application is None or options.url is None):
        missing = "--url" if options.url is None else "--sdk-configuration-file"
        usage_error(options, f"{missing} is needed: instance {options.instance} was not configured before")
    if before is not None and options.url is None:
        url, is_unsecure = before.base_endpoint_url, before.enable_unsecure_traffic
    else:
        url, is_unsecure = options.url, False
    changed = {
        "enable_unsecure_traffic": is_unsecure or options.enable_unsecure_traffic,
        "protocol_version": options.protocol_version or (before.protocol_version if before else "3.3"),
    }
    try:
        if application is None and before is not None:
            return replace(before, base_endpoint_url=url, **changed)
        if isinstance(application, str):
            return PowerAuthConfiguration.from_sdk_configuration(application, url, **changed)
        return PowerAuthConfiguration(*(application or ()), base_endpoint_url=url, **changed)
    except PowerAuthError as error:
        raise PowerAuthError(error.code, _by_option(error.message)) from error


def kept(storage: InstanceStorage) -> PowerAuthConfiguration | None:
    """What :func:`keep` has written; None = nothing.

    :raises PowerAuthError: it cannot be read.
    """
    try:
        members = storage.read(ENTRY)
        return None if members is None else PowerAuthConfiguration(**members)
    except KeychainError as error:
        if isinstance(error, CorruptedEntryError):
            raise _damaged() from error
        raise
    except (TypeError, PowerAuthError) as error:
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


def _application(options: argparse.Namespace) -> str | tuple[str, str, str] | None:
    """The one text, or the three; None where nothing is said of it."""
    three = (options.app_key, options.app_secret, options.master_public_key)
    sdk_configuration = options.sdk_configuration or options.sdk_configuration_file
    if any(three):
        if sdk_configuration:
            usage_error(
                options, "an SDK configuration has what --app-key and the others say: give one of them"
            )
        secret = options.app_secret or os.environ.get(APP_SECRET_VARIABLE)
        if not (options.app_key and secret and options.master_public_key):
            usage_error(options, "--app-key, --app-secret and --master-public-key go together")
        return options.app_key, secret, options.master_public_key
    if options.sdk_configuration_file:
        return _read(options.sdk_configuration_file)
    return options.sdk_configuration or os.environ.get(SDK_CONFIGURATION_VARIABLE) or None


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text"
        raise CommandError(f"{path} cannot be read: {reason}.") from error
    among_others = re.search(r"^SDK_CONFIGURATION=(.*)$", text, re.MULTILINE)
    return among_others[1].strip() if among_others else text.strip()


def _by_option(message: str) -> str:
    for parameter, option in _OPTIONS.items():
        message = message.replace(parameter, option)
    return message
