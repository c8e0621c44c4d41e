"""``activate``, ``status`` and ``remove``: the activation, from its code to its end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tokenauth.client.authentication import PowerAuthAuthentication
from tokenauth.client.command_line import configuration
from tokenauth.client.command_line.exceptions import CommandError
from tokenauth.client.command_line.instances import is_activated, keychain_of, opened, storage_of
from tokenauth.client.command_line.options import (
    add_common_options,
    add_password_option,
    another_command,
    text,
)
from tokenauth.client.command_line.terminal import activation_code, is_confirmed, note, password, say
from tokenauth.client.exceptions import PowerAuthError, PowerAuthErrorCode

if TYPE_CHECKING:
    import argparse

    from tokenauth.client.power_auth import PowerAuth

# What is to be done, by the name of the state, where it is not active.
_TO_DO = {
    "CREATED": "The server has not seen this device. Remove it here, and activate with a new code.",
    "PENDING_COMMIT": "It waits to be committed, on the server, where the same fingerprint is shown.",
    "BLOCKED": "The server refuses this device until somebody unblocks it there.",
    "REMOVED": "It has ended on the server. Remove it here (remove --local), and activate with a new code.",
    "DEADLOCK": (
        "The server will not accept what this device signs any more. Have it removed there, remove it here "
        "(remove --local), and activate with a new code."
    ),
}
_REMOVED_HERE = "Removed here. Unless it has ended on the server, somebody is to remove it there."


def add_parsers(commands: Any) -> None:
    """The three commands."""
    activate = commands.add_parser(
        "activate",
        help="make this machine the device that a code is for",
        description=(
            "Makes this machine the device that a code is for, under a PIN that is chosen now, and prints "
            "its fingerprint, to be compared with the one that the server shows."
        ),
        epilog=(
            "without a terminal:\n"
            '  printf \'%s\\n\' "$CODE" "$PIN" | \\\n'
            "    python -m tokenauth.client activate - --password-stdin --url URL …"
        ),
    )
    activate.add_argument(
        "code",
        nargs="?",
        metavar="CODE",
        help=(
            "the code, or what its picture says; - reads it from a line of standard input, before the PIN "
            "(default: ask for it at the terminal)"
        ),
    )
    activate.add_argument(
        "--name",
        type=text,
        metavar="NAME",
        help="what the server calls the device (default: the name of this machine)",
    )
    add_password_option(activate)
    configuration.add_options(activate)
    add_common_options(activate)
    activate.set_defaults(run=_activate, parser=activate)

    status = commands.add_parser(
        "status",
        help="ask the server how the activation stands",
        description="Asks the server how the activation stands. Whatever it says, the exit status is 0.",
    )
    status.add_argument("--json", action="store_true", help="for a program")
    add_common_options(status)
    status.set_defaults(run=_status, parser=status)

    remove = commands.add_parser(
        "remove",
        help="end the activation, with its tokens",
        description=(
            "Ends the activation, with its tokens, on the server and then here. The server wants the PIN for "
            "it. The configuration is kept, for the next activation."
        ),
    )
    remove.add_argument(
        "--local", action="store_true", help="here alone: the server is not told, and goes on"
    )
    remove.add_argument("--forget-server", action="store_true", help="the configuration as well")
    remove.add_argument("--yes", action="store_true", help="do not ask before")
    add_password_option(remove)
    add_common_options(remove)
    remove.set_defaults(run=_remove, parser=remove)


def _activate(options: argparse.Namespace) -> None:
    from tokenauth.client.key_exchange import PowerAuthActivation

    storage = storage_of(options, keychain_of(options))
    given = configuration.given(options, storage)
    with opened(options, given) as power_auth:
        _refuse_a_second(options, power_auth)
        code = activation_code(options.code)
        # Before a PIN is chosen for it.
        PowerAuthActivation.with_activation_code(code)
        chosen = password(options, is_new=True)
        with storage.exclusive():
            # Again, since that took a while: the configuration of an activation is not written over.
            _refuse_a_second(options, power_auth)
            configuration.keep(storage, given)
            made = power_auth.activate(code, chosen, options.name or "")
    note(
        "Activated. Compare the fingerprint with the one that the server shows, and have it committed there:"
    )
    say(f"activation id  {made.activation_identifier}")
    say(f"fingerprint    {made.activation_fingerprint}")
    note(f"Whether that is done, or needs not be: {another_command(options, 'status')}")


def _refuse_a_second(options: argparse.Namespace, power_auth: PowerAuth) -> None:
    if not power_auth.can_start_activation():
        raise PowerAuthError(
            PowerAuthErrorCode.INVALID_ACTIVATION_STATE, f"Instance {options.instance} is activated already."
        )


def _status(options: argparse.Namespace) -> None:
    with opened(options) as power_auth:
        status = power_auth.fetch_activation_status()
        identifier = power_auth.get_activation_identifier()
        fingerprint = power_auth.get_activation_fingerprint()
    state = status.state.name
    if options.json:
        members = {
            "instance": options.instance,
            "state": state,
            "activation_id": identifier,
            "fingerprint": fingerprint,
            "failed_attempts": status.fail_count,
            "max_failed_attempts": status.max_fail_count,
            "remaining_attempts": status.remaining_attempts,
        }
        say(json.dumps(members, indent=1))
        return
    say(f"state          {state}")
    say(f"activation id  {identifier}")
    say(f"fingerprint    {fingerprint}")
    if state == "ACTIVE":
        say(f"attempts left  {status.remaining_attempts} of {status.max_fail_count}")
    else:
        note(_TO_DO[state])


def _remove(options: argparse.Namespace) -> None:
    with opened(options) as power_auth:
        if options.local:
            # Of what is damaged as well.
            is_there = is_activated(storage_of(options, keychain_of(options)))
            if is_there:
                _confirm(
                    options, "This would forget the activation and its tokens here. The server would go on."
                )
            power_auth.remove_activation_local()
            done = _REMOVED_HERE if is_there else "There was no activation here."
        else:
            if not power_auth.has_valid_activation():
                raise PowerAuthError(
                    PowerAuthErrorCode.MISSING_ACTIVATION, f"Instance {options.instance} is not activated."
                )
            identifier = power_auth.get_activation_identifier()
            _confirm(options, f"This would end the activation {identifier} for good, with its tokens.")
            authentication = PowerAuthAuthentication.password(password(options))
            power_auth.remove_activation_with_authentication(authentication)
            done = "Removed."
    if options.forget_server:
        configuration.forget(storage_of(options, keychain_of(options)))
    note(done)


def _confirm(options: argparse.Namespace, question: str) -> None:
    if not options.yes and not is_confirmed(question):
        raise CommandError("Nothing was removed.")
