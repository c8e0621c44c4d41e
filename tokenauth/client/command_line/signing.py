"""``sign``: the signature of one request."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from tokenauth.client.authentication import PowerAuthAuthentication
from tokenauth.client.command_line.exceptions import CommandError
from tokenauth.client.command_line.instances import opened
from tokenauth.client.command_line.options import (
    add_common_options,
    add_factors_option,
    add_password_option,
    text,
    usage_error,
)
from tokenauth.client.command_line.terminal import password, say
from tokenauth.devices.protocol.exceptions import ProtocolError
from tokenauth.devices.protocol.request_data import normalized_query

if TYPE_CHECKING:
    import argparse

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
# Of others, the body is signed, whatever the query.
_METHODS_WITH_QUERY = ["GET", "HEAD", "DELETE"]


def add_parsers(commands: Any) -> None:
    """The one command."""
    sign = commands.add_parser(
        "sign",
        help="print the signature of one request",
        description=(
            "Prints the header that signs one request, and nothing else. It is good once. Whether the PIN "
            "was right shows when it is sent: the server is not asked."
        ),
        epilog=(
            "for curl:\n"
            '  curl -H "$(python -m tokenauth.client sign POST /visits --body-file visit.json)" \\\n'
            '    -H "Content-Type: application/json" --data-binary @visit.json URL'
        ),
    )
    sign.add_argument("method", type=str.upper, choices=_METHODS, metavar="METHOD", help="GET, POST, …")
    sign.add_argument(
        "uri_id",
        type=text,
        metavar="URI_ID",
        help="what the server calls the address in signatures (signature_uri_id): /visits",
    )
    signed = sign.add_mutually_exclusive_group()
    signed.add_argument(
        "--body-file",
        metavar="FILE",
        help="the body, byte by byte as it is sent; - reads it from standard input",
    )
    signed.add_argument(
        "--query",
        default="",
        metavar="TEXT",
        help="of a GET, HEAD or DELETE: what follows the ? of the address",
    )
    add_factors_option(sign, default="possession_knowledge")
    add_password_option(sign)
    add_common_options(sign)
    sign.set_defaults(run=_sign, parser=sign)


def authentication_of(options: argparse.Namespace) -> PowerAuthAuthentication:
    """The factors that ``options`` name, with the PIN where that is one of them.

    :raises CommandError: there is no PIN.
    """
    if options.factors == "possession":
        if options.password_stdin:
            usage_error(options, "--password-stdin is for factors that have the PIN among them")
        return PowerAuthAuthentication.possession()
    return PowerAuthAuthentication.password(password(options))


def _sign(options: argparse.Namespace) -> None:
    if options.body_file == "-" and options.password_stdin:
        usage_error(options, "standard input is the PIN's or the body's: write the body to a file")
    body = _query(options) if options.query else _body(options.body_file)
    with opened(options) as power_auth:
        header = power_auth.request_signature(
            authentication_of(options), options.method, options.uri_id, body
        )
    say(f"{header.key}: {header.value}")


def _query(options: argparse.Namespace) -> bytes:
    if options.method not in _METHODS_WITH_QUERY:
        usage_error(options, f"of a {options.method}, the body is signed, and not the query")
    query = options.query.removeprefix("?")
    if not all("=" in part for part in query.split("&")):
        raise CommandError("A part of the query has no =, and would not be signed.")
    try:
        return normalized_query(query)
    except ProtocolError as error:
        raise CommandError(f"The query cannot be signed: {error}.") from error


def _body(path: str | None) -> bytes:
    if path is None:
        return b""
    if path == "-":
        if sys.stdin is None:
            raise CommandError("Standard input is closed.")
        return sys.stdin.buffer.read()
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
