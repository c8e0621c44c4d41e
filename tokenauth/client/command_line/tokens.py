"""``token request``, ``list``, ``header`` and ``remove``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tokenauth.client.command_line.instances import opened
from tokenauth.client.command_line.options import (
    add_common_options,
    add_factors_option,
    add_password_option,
    another_command,
    text,
)
from tokenauth.client.command_line.signing import authentication_of
from tokenauth.client.command_line.terminal import note, say
from tokenauth.client.exceptions import PowerAuthError

if TYPE_CHECKING:
    import argparse

    from tokenauth.client.token_store import TokenStore


def add_parsers(commands: Any) -> None:
    """The group, and its four commands."""
    token = commands.add_parser(
        "token",
        help="make, list, use and remove tokens, whose headers authorize requests",
        description="Tokens are kept here by their names. A header made of one authorizes one request.",
    )
    of_tokens = token.add_subparsers(title="commands", metavar="COMMAND", required=True)

    request = of_tokens.add_parser(
        "request",
        help="have the server make a token",
        description=(
            "Has the server make a token, keeps it by its name, and prints its id. Where there is one of "
            "that name and those factors, the server is not asked."
        ),
    )
    _add_name(request)
    add_factors_option(request, default="possession")
    add_password_option(request)
    add_common_options(request)
    request.set_defaults(run=_request, parser=request)

    listing = of_tokens.add_parser(
        "list",
        help="list the tokens that are kept here",
        description="Lists the tokens that are kept here. The server is not asked.",
    )
    listing.add_argument("--json", action="store_true", help="for a program")
    add_common_options(listing)
    listing.set_defaults(run=_list, parser=listing)

    header = of_tokens.add_parser(
        "header",
        help="print a header for one request",
        description=(
            "Prints a header made of the token, and nothing else. It is good once, and for a short time."
        ),
        epilog='for curl:\n  curl -H "$(python -m tokenauth.client token header NAME)" URL',
    )
    _add_name(header)
    add_common_options(header)
    header.set_defaults(run=_header, parser=header)

    remove = of_tokens.add_parser(
        "remove",
        help="remove a token on the server and here",
        description="Removes a token on the server and here. Where the server fails, it is kept.",
    )
    _add_name(remove)
    remove.add_argument(
        "--local",
        action="store_true",
        help="here alone: on the server it is left, and nobody has it",
    )
    add_common_options(remove)
    remove.set_defaults(run=_remove, parser=remove)


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", type=text, metavar="NAME", help="what the token is called here")


def _request(options: argparse.Namespace) -> None:
    with opened(options) as power_auth:
        was_there = power_auth.token_store.has_local_token(options.name)
        token = power_auth.token_store.request_access_token(options.name, authentication_of(options))
    header = another_command(options, "token", "header", options.name)
    note(f'{"It was there already" if was_there else "Made"}. Use it: curl -H "$({header})" URL')
    say(token.token_identifier)


def _list(options: argparse.Namespace) -> None:
    with opened(options) as power_auth:
        store = power_auth.token_store
        tokens = [(name, _identifier(store, name)) for name in store.local_token_names()]
    if options.json:
        say(json.dumps([{"name": name, "id": identifier} for name, identifier in tokens], indent=1))
        return
    if tokens:
        rows = [("NAME", "ID"), *tokens]
        width = max(len(name) for name, _ in rows)
        for name, identifier in rows:
            say(f"{name.ljust(width)}  {identifier or '-'}")
    note("1 token" if len(tokens) == 1 else f"{len(tokens)} tokens")


def _identifier(store: TokenStore, name: str) -> str | None:
    try:
        return store.get_local_token(name).token_identifier
    except PowerAuthError:
        # One that is damaged does not hide the others.
        return None


def _header(options: argparse.Namespace) -> None:
    with opened(options) as power_auth:
        header = power_auth.token_store.generate_header_for_token(options.name)
    say(f"{header.key}: {header.value}")


def _remove(options: argparse.Namespace) -> None:
    with opened(options) as power_auth:
        store = power_auth.token_store
        if not options.local:
            store.remove_access_token(options.name)
            note("Removed.")
            return
        was_there = options.name in store.local_token_names()
        # What names nothing may be left of one all the same.
        store.remove_local_token(options.name)
    note("Removed here. It is left on the server." if was_there else "There was none of that name.")
