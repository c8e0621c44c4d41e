"""``python -m tokenauth.client``: a device at a terminal, and in scripts.

A module for each group of commands: ``activation``, ``tokens``, ``signing``, ``configuring``. Each adds its
parsers, with the functions that do it.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tokenauth.client.command_line import activation, configuring, signing, tokens
from tokenauth.client.command_line.exceptions import CommandError, OutputError
from tokenauth.client.command_line.options import PROGRAM, Parser
from tokenauth.client.command_line.terminal import end_output, note
from tokenauth.client.error_messages import report_of
from tokenauth.client.exceptions import PowerAuthError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Of a process that an interruption has ended, as shells tell it.
INTERRUPTED = 130

# What the extra brings.
EXTRA = ("filelock", "httpx", "keyring", "platformdirs")

_DESCRIPTION = "Makes this machine a device of a PowerAuth server, such as tokenauth.devices is."
_EPILOG = f"""\
begin with:
  {PROGRAM} activate --sdk-configuration-file app.env --url https://api.example.com
  {PROGRAM} token request sync
  curl -H "$({PROGRAM} token header sync)" https://api.example.com/visits

What is for people alone goes to standard error. The exit status is 0 if it was
done, 1 if it was not, 2 for a mistake in the command, 130 after Ctrl-C.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit status.

    :raises SystemExit: of argparse: after help, and with 2 where the command cannot be understood.
    """
    try:
        try:
            return _done(arguments)
        finally:
            # Of help as well: what nobody reads any more shows here, and not at the exit.
            end_output()
    except KeyboardInterrupt:
        note("")
        return INTERRUPTED
    except OutputError as error:
        if sys.stdout is not None:
            # What is still in the buffer is for nobody, and would fail again at the exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if str(error):
            note(f"error: {error}")
        return 1


def _done(arguments: Sequence[str] | None) -> int:
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except CommandError as error:
        note(f"error: {error}")
        return 1
    except PowerAuthError as error:
        note(report_of(error))
        return 1
    except ImportError as error:
        if error.name not in EXTRA:
            raise
        # Its text says how it is installed.
        note(f"error: {error}")
        return 1
    return 0


def _parser() -> Parser:
    parser = Parser(prog=PROGRAM, description=_DESCRIPTION, epilog=_EPILOG)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for group in (activation, tokens, signing, configuring):
        group.add_parsers(commands)
    return parser
