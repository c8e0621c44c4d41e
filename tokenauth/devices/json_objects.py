"""JSON objects, as devices send them: in a body, or encrypted in one."""

from __future__ import annotations

import json
from collections.abc import Mapping

from django.views.decorators.debug import sensitive_variables

from tokenauth.devices.protocol.exceptions import ProtocolError

JsonObject = Mapping[str, object]


@sensitive_variables("octets", "value")
def parse(octets: bytes) -> JsonObject:
    """The object that ``octets`` are.

    :raises ProtocolError: they are none, or no JSON in UTF-8.
    """
    try:
        value = json.loads(octets.decode("utf-8"))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ProtocolError("the message is not a JSON object")
    return value


def text_member(members: JsonObject, name: str, *, required: bool = True) -> str:
    """A member that is a text; "" where it is not there and not required.

    :raises ProtocolError: it is missing, or no text.
    """
    value = members.get(name)
    # Java writes what it has not as null.
    if value is None or value == "":
        if required:
            raise ProtocolError(f"{name} is missing")
        return ""
    if not isinstance(value, str):
        raise ProtocolError(f"{name} is not a text")
    return value


def object_member(members: JsonObject, name: str) -> JsonObject:
    """A member that is an object.

    :raises ProtocolError: it is missing, or no object.
    """
    value = members.get(name)
    if not isinstance(value, Mapping):
        raise ProtocolError(f"{name} is not an object")
    return value


def described(members: JsonObject, name: str, length: int) -> str:
    """A member in which a device describes itself, fit to be stored and shown: printable, cut to ``length``.

    :raises ProtocolError: it is no text.
    """
    text = text_member(members, name, required=False)
    return "".join(character for character in text if character.isprintable()).strip()[:length]
