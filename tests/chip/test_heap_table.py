# SPDX-License-Identifier: MIT
"""Free heap on the genuine image with each kind of sensor: examples of SENSORS.md, a start each.
It takes half an hour, so only `make test-chip-heap` asks for it.
"""

import re
from pathlib import Path

import pytest
from emulated import BOARD, Record, chip, flash_of, inlet
from support import CHECKOUT

_SENSORS = CHECKOUT / "host_tools/tirta/config/SENSORS.md"
_EXAMPLE = re.compile(r"^## (.*?)$|^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_HEAD = f'version = 1\nboard = "{BOARD}"\nname = "Heap"\ninterval_s = 60\n\n'
LEAST = 30_000


def examples() -> dict[str, str]:
    """{heading of SENSORS.md, numbered: config} of each example with a channel."""
    found = {"as the other tests of the chip": inlet(60)}
    heading = ""
    for match in _EXAMPLE.finditer(_SENSORS.read_text(encoding="utf-8")):
        heading = match[1] or heading
        if match[2] and "[[channel]]" in match[2]:
            found[f"{heading}, {len(found)}"] = _HEAD + match[2]
    return found


EXAMPLES = examples()


@pytest.mark.campaign
@pytest.mark.parametrize("name", EXAMPLES)
def test_heap(name: str, tmp_path: Path, record_property: Record) -> None:
    with chip(tmp_path / "heap", flash_of(EXAMPLES[name])) as node:
        free = node.status()["heap_free"]
    record_property("measured", f"{name}: {free:,}")
    assert free > LEAST
