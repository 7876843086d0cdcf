# SPDX-License-Identifier: MIT
"""What the demo's config leaves of the heap on the genuine image, and what a pull does."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from emulated import BOARD, Chip, chip, flash_of

from tirta.virtual.demo_config import DEMO_CONFIG

OPEN = 70_000  # bytes that stay free, at least


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
