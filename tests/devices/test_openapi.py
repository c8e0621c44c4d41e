from __future__ import annotations

import pytest
from drf_spectacular.generators import SchemaGenerator

from tests.devices import door_urls


@pytest.mark.parametrize(
    ("path", "method", "offered"),
    [
        ("/reading", "get", {"deviceToken"}),
        ("/reading", "post", set()),
        ("/writing", "post", {"deviceToken"}),
        ("/writing", "delete", set()),
        ("/signed", "get", {"deviceToken", "deviceSignature"}),
        ("/signed", "post", {"deviceSignature"}),
        ("/by-signature-alone", "get", {"deviceSignature"}),
        ("/function", "post", {"deviceToken", "deviceSignature"}),
    ],
)
def test_what_of_a_device_an_operation_takes_is_told(path: str, method: str, offered: set[str]) -> None:
    schema = SchemaGenerator(patterns=door_urls.urlpatterns).get_schema(public=True)
    requirements = schema["paths"][path][method]["security"]
    of_devices = {name for one in requirements for name in one if name.startswith("device")}
    assert of_devices == offered
    for one in requirements:
        for name, scopes in one.items():
            if name in of_devices:
                reads = method == "get" or path == "/function"
                assert scopes == [f"{'read' if reads else 'write'}:sites"]


def test_both_are_headers() -> None:
    schemes = SchemaGenerator(patterns=door_urls.urlpatterns).get_schema(public=True)["components"]
    of_devices = {name: one for name, one in schemes["securitySchemes"].items() if name.startswith("device")}
    assert {(name, one["in"], one["name"]) for name, one in of_devices.items()} == {
        ("deviceToken", "header", "X-PowerAuth-Token"),
        ("deviceSignature", "header", "X-PowerAuth-Authorization"),
    }
