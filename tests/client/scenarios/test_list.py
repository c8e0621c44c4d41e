"""The list of scenarios is whole."""

from __future__ import annotations

import re
from pathlib import Path

SCENARIOS = range(1, 46)
_NAME = re.compile(r"^(?:async )?def test_((?:\d\d_)+)", re.MULTILINE)


def test_each_scenario_has_a_test() -> None:
    texts = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    numbers = {
        int(number) for text in texts for name in _NAME.findall(text) for number in name.split("_")[:-1]
    }
    assert numbers == set(SCENARIOS)
