# SPDX-License-Identifier: MIT
"""What esptool wrote into a chip is what the virtual board boots: from bare to a node."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from images import invented
from locked import credential, guarded
from nodes import Nodes
from patience import run
from rom_loader import RomLoader
from support import FLEETS, office

from tirta import config, virtual
from tirta.boards import board_file
from tirta.errors import TirtaError
from tirta.node import Node
from tirta.virtual.demo_config import DEMO_CONFIG
from tirta_format import access, staging

TIRTA = [sys.executable, "-c", "import sys; from tirta.cli import main; sys.exit(main())"]


CHIP = "240ac4e29526"  # what esptool reads in the loader


def test_one_command_makes_a_locked_node_of_a_bare_chip(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office(tmp_path, monkeypatch)

    def power(flash: bytes) -> str:
        return nodes.up("fresh", baud=115200, flash_image=flash, chip_id=CHIP).port

    image = invented(tmp_path, board_file.load("virtual"))
    with RomLoader(tmp_path, "esp32", after=power) as chip:
        done = run(
            [
                *TIRTA, "flash", str(chip.port), "--board", "virtual", "--micropython", str(image),
                "--allow-unlisted", "--config", str(DEMO_CONFIG), "--json",
                "--labels", str(tmp_path),
            ]
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert not [line for line in done.stderr.splitlines() if not line.startswith("Waiting for")]
        told = json.loads(done.stdout)
        (running,) = virtual.list_nodes()
        assert (tmp_path / f"{told['node']}.png").read_bytes().startswith(b"\x89PNG")
        with Node(running["port"]) as node:
            assert (told["node"], told["mode"]) == (node.hello.node, "locked")
            assert (node.hello.node, node.hello.mode) == (CHIP, "locked")
            assert node.config() == config.load(DEMO_CONFIG)[0]
            assert node.ask(staging.TRIAL)["state"] == "active"
            guarded(node, credential(CHIP, access.ADMINISTRATOR, FLEETS["south"]))
            with pytest.raises(TirtaError, match="the key is wrong"):
                node.values()
        assert [row[0] for row in told["test"]][:2] == ["flow", "p_inlet"]
        before = bytes(chip.flash.data)
    # What the node has not touched since lies there as esptool left it.
    now = Path(running["flash"]).read_bytes()
    for name in ("factory", "vfs", "app_a"):
        place = board_file.load("virtual").partition(name)
        assert now[place.offset : place.end] == before[place.offset : place.end], name


def test_a_flash_file_boots_by_the_command_line(nodes: Nodes, tmp_path: Path) -> None:
    text, _ = config.load(DEMO_CONFIG)
    first = nodes.up("first", app=True, config=text)
    virtual.down("first")
    kept = tmp_path / "flash.bin"
    kept.write_bytes(Path(first.flash).read_bytes())
    done = subprocess.run(
        [*TIRTA, "virtual", "up", "again", "--flash", str(kept), "--json"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    with Node(json.loads(done.stdout)["port"]) as node:
        assert node.config() == text
