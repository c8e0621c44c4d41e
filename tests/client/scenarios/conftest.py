from __future__ import annotations

import pytest

from tokenauth.devices.protocol.versions import Version


@pytest.fixture(params=[Version.V3_1, Version.V3_2, Version.V3_3])
def version(request: pytest.FixtureRequest) -> Version:
    chosen: Version = request.param
    return chosen
