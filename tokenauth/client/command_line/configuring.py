"""``configure``: where the server is, without an activation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokenauth.client.command_line import configuration
from tokenauth.client.command_line.instances import is_activated, keychain_of, storage_of
from tokenauth.client.command_line.options import add_common_options
from tokenauth.client.command_line.terminal import note

if TYPE_CHECKING:
    import argparse


def add_parsers(commands: Any) -> None:
    """The one command."""
    configure = commands.add_parser(
        "configure",
        help="say where the server is; activate takes the same options",
        description=(
            "Keeps where the server is and which application this is. An activation that there is goes on "
            "with it: for a server that has moved, a new release of the application, or another version of "
            "the protocol."
        ),
    )
    configuration.add_options(configure)
    add_common_options(configure)
    configure.set_defaults(run=_configure, parser=configure)


def _configure(options: argparse.Namespace) -> None:
    storage = storage_of(options, keychain_of(options))
    with storage.exclusive():
        given = configuration.given(options, storage)
        configuration.keep(storage, given)
        activated = is_activated(storage)
    note(
        f"Instance {options.instance} is of {given.base_endpoint_url}, by PowerAuth {given.protocol_version}."
        + ("" if activated else " It is not activated yet.")
    )
