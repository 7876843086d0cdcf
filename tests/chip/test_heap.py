# SPDX-License-Identifier: MIT
"""What the demo's config leaves of the heap on the genuine image: open, with Wi-Fi's driver up, and
behind a pull.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from emulated import BOARD, Chip, chip, flash_of

from tirta.virtual.demo_config import DEMO_CONFIG

OPEN = 70_000  # bytes that stay free, at least
WIFI = 20_000  # what the driver takes out of that, and some
_WIFI_UP = (
    "import gc, network\ngc.collect()\nbefore = gc.mem_free()\nw = network.WLAN(network.STA_IF)\n"
    "w.active(True)\ngc.collect()\nprint('wifi:', before, gc.mem_free())\nw.active(False)"
)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chip]:
    text = DEMO_CONFIG.read_text().replace('board = "virtual"', f'board = "{BOARD}"')
    text = text.replace("interval_s = 60 ", "interval_s = 10 ")
    with chip(tmp_path_factory.mktemp("heap"), flash_of(text)) as found:
        yield found


def test_of_the_demos_eight_channels(node: Chip, tmp_path: Path) -> None:
    status = node.sampled(2)
    print(f"heap with the demo's config: {status['heap_free']} bytes")
    assert status["heap_free"] >= OPEN
    node.tirta("pull", node.port, "--archive", tmp_path)
    after = node.status()["heap_free"]
    print(f"behind a pull: {after} bytes")
    assert after >= OPEN


def test_of_a_prompt_with_wifi_up(node: Chip) -> None:
    """Nothing of the application is loaded then: it tells what the driver takes."""
    (line,) = [
        line for line in node.mpremote("exec", _WIFI_UP).splitlines() if line.startswith("wifi: ")
    ]
    before, with_it = map(int, line.split()[1:])
    print(f"a prompt has {before} bytes free, {with_it} with Wi-Fi up")
    assert before - with_it <= 2 * WIFI
