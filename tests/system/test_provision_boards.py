# SPDX-License-Identifier: MIT
"""A box of boards that run MicroPython becomes locked nodes, all at once, each with its own key."""

import csv
import json
from pathlib import Path

import pytest
from locked import awake
from nodes import FAST_BAUD, Nodes
from state_image import in_force
from support import FLEETS, office

from tirta.boards import board_file
from tirta.cli import main
from tirta.keys.credential import node_key
from tirta.node import Node
from tirta.virtual.demo_config import DEMO_CONFIG
from tirta_format import state


@pytest.mark.parametrize("count", [2, pytest.param(8, marks=pytest.mark.campaign)])
def test_boards_at_once_become_nodes(
    count: int, nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    office(tmp_path, monkeypatch)
    (tmp_path / "inlet.toml").write_text(DEMO_CONFIG.read_text())
    running = [nodes.up(f"board{i}") for i in range(count)]
    path = tmp_path / "nodes.csv"
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(("name", "port", "board", "district", "config"))
        out.writerows(
            (f"node {i}", board.name, "virtual", f"zone {i}", "inlet.toml")
            for i, board in enumerate(running)
        )
    words = ["provision", "--batch", str(path), "--labels", str(tmp_path / "labels"), "--json"]
    assert main(words) == 0
    results = json.loads(capsys.readouterr().out)
    place = board_file.load("virtual").partition("state")
    for i, (board, result) in enumerate(zip(running, results, strict=True)):
        assert (result["result"], result["mode"]) == ("done", "locked")
        assert awake(board.port) == result["node"]
        content = Path(board.flash).read_bytes()[place.offset : place.end]
        assert in_force(content)[state.KEY] == node_key(FLEETS["north"], result["node"])
        with Node(board.port, FAST_BAUD) as node:
            assert node.identity()["district"] == f"zone {i}"
            assert node.values()["values"]
        assert (tmp_path / "labels" / f"{result['node']}.png").exists()
    assert len({result["node"] for result in results}) == count
