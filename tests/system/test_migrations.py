# SPDX-License-Identifier: MIT
"""What every released version wrote is read by this one: its log, its state, its config."""

import gzip
import json
from pathlib import Path

import pytest
from flash_log import digest, pages
from locked import awake
from nodes import FAST_BAUD, Nodes
from state_image import in_force

from tirta.boards import board_file
from tirta.image import regions
from tirta.log.decode import decode
from tirta.node import Node
from tirta.pull.pull import pull
from tirta_format import config as format_config
from tirta_format import state

RELEASES = sorted(p for p in (Path(__file__).parents[1] / "fixtures").iterdir() if p.is_dir())


@pytest.fixture(params=RELEASES, ids=lambda path: str(path.name))
def release(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def kept(release: Path, name: str) -> bytes:
    return gzip.decompress((release / f"{name}.bin.gz").read_bytes())


def test_the_laptop_reads_it(release: Path) -> None:
    expected = json.loads((release / "expected.json").read_text())
    log = decode(pages(kept(release, "log"), expected["epoch"]))
    found = digest(log)
    assert found == {key: expected[key] for key in found}
    assert found["records"] > 0
    text = in_force(kept(release, "state"))[state.CONFIG]
    assert text == (release / "config.json").read_bytes()
    format_config.parse(text)


def test_the_node_goes_on_with_it(release: Path, nodes: Nodes, tmp_path: Path) -> None:
    """This version's firmware, started on the flash of a node that ran the old one."""
    expected = json.loads((release / "expected.json").read_text())
    board = board_file.load("virtual")
    flash = bytearray(regions.flash_image(board, config=b"{}", app=True))
    for name in ("log", "state"):
        part, data = board.partition(name), kept(release, name)
        assert len(data) == part.size, "a node that is updated keeps its partitions"
        flash[part.offset : part.end] = data
    port = nodes.up("old", flash_image=bytes(flash)).port
    awake(port, "open")
    with Node(port, FAST_BAUD) as node:
        status = node.status()
        assert status["alarms"] == []
        assert status["epoch"] == expected["epoch"]
        assert status["lost"] <= 2, "more than the power cut at its end may have taken"
        assert node.config() == (release / "config.json").read_bytes()
        assert node.commit().next_record >= expected["next_record"]
        assert pull(node, tmp_path / "archive").holes == []
