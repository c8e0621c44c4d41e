"""Options that several commands have, and how what is typed is read."""

from __future__ import annotations

import argparse
import shlex
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from tokenauth.client.command_line.exceptions import CommandError

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "python -m tokenauth.client"

# The command line is seen by everybody on the machine; the environment is not.
KEY_VARIABLE = "TOKENAUTH_CLIENT_KEYCHAIN_KEY"
APP_SECRET_VARIABLE = "TOKENAUTH_CLIENT_APP_SECRET"  # noqa: S105
SDK_CONFIGURATION_VARIABLE = "TOKENAUTH_CLIENT_SDK_CONFIGURATION"

WIDTH = 79

DEFAULT_INSTANCE = "default"
# In seconds.
DEFAULT_TIMEOUT = 20.0
LONGEST_TIMEOUT = 600.0


class Parser(argparse.ArgumentParser):
    """One that takes no abbreviations, and repeats no argument that it does not know: it may be a PIN."""

    def __init__(self, **settings: Any) -> None:
        # Raw for the sake of the epilog, whose lines are examples.
        settings["formatter_class"] = argparse.RawDescriptionHelpFormatter
        settings["description"] = textwrap.fill(settings.get("description", ""), WIDTH)
        super().__init__(**settings, allow_abbrev=False)

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            named = [text.partition("=")[0] for text in unknown if text.startswith("--")]
            parser: Parser = getattr(options, "parser", self)
            parser.error(
                f"there is no option {', '.join(named)}" if named else "there are too many arguments"
            )
        return options


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Those of every command."""
    group = parser.add_argument_group("which device")
    group.add_argument(
        "--instance",
        type=text,
        default=DEFAULT_INSTANCE,
        metavar="ID",
        help=f"one of several activations that are kept here (default: {DEFAULT_INSTANCE})",
    )
    group.add_argument(
        "--keychain",
        choices=["system", "file"],
        help="where it is kept (default: in the system's keychain, where there is one, else in a file)",
    )
    group.add_argument(
        "--keychain-file",
        type=Path,
        metavar="PATH",
        help=f"that file, whose key is in {KEY_VARIABLE}, or else in a file beside it",
    )
    group.add_argument(
        "--directory",
        type=Path,
        metavar="PATH",
        help="where the locks are, as for a program that shares it (default: the user's state directory)",
    )
    group.add_argument(
        "--timeout",
        type=seconds,
        default=DEFAULT_TIMEOUT,
        metavar="SECONDS",
        help=f"how long an answer of the server may take (default: {DEFAULT_TIMEOUT:g})",
    )


def add_password_option(parser: argparse.ArgumentParser) -> None:
    """``--password-stdin``; without it, the PIN is asked for."""
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the PIN from a line of standard input (default: ask for it at the terminal)",
    )


def add_factors_option(parser: argparse.ArgumentParser, default: str) -> None:
    """``--factors``, and ``--possession`` for short."""
    factors = parser.add_mutually_exclusive_group()
    factors.add_argument(
        "--factors",
        choices=["possession", "possession_knowledge"],
        default=default,
        help=f"the device alone, or the device and the PIN (default: {default})",
    )
    factors.add_argument(
        "--possession",
        action="store_const",
        const="possession",
        dest="factors",
        help="for short: --factors possession",
    )


def text(typed: str) -> str:
    """What was typed, of characters that can be printed.

    :raises argparse.ArgumentTypeError: there are others in it, or none at all.
    """
    if not typed or not typed.isprintable():
        raise argparse.ArgumentTypeError("it is empty, or has characters that cannot be printed")
    return typed


def seconds(typed: str) -> float:
    """A time.

    :raises argparse.ArgumentTypeError: it is none, or no sensible one.
    """
    try:
        value = float(typed)
    except ValueError:
        value = 0.0
    # Said so that NaN is none.
    if not 0 < value <= LONGEST_TIMEOUT:
        raise argparse.ArgumentTypeError(f"it is a number of seconds, above 0 and up to {LONGEST_TIMEOUT:g}")
    return value


def usage_error(options: argparse.Namespace, message: str) -> NoReturn:
    """Leave with the usage of the command that was typed, and with exit status 2."""
    options.parser.error(message)
    raise CommandError(message)


def another_command(options: argparse.Namespace, *words: str) -> str:
    """A line that can be typed next, for the device that ``options`` name."""
    line = [*words]
    if options.instance != DEFAULT_INSTANCE:
        line += ["--instance", options.instance]
    if options.keychain is not None:
        line += ["--keychain", options.keychain]
    if options.keychain_file is not None:
        line += ["--keychain-file", str(options.keychain_file)]
    if options.directory is not None:
        line += ["--directory", str(options.directory)]
    return f"{PROGRAM} {shlex.join(line)}"
