# SPDX-License-Identifier: MIT
"""A board that nobody here has seen: from its file to a node, which is configured again."""

import json
import re
from pathlib import Path

import pytest
from images import invented
from nodes import Nodes
from rom_loader import RomLoader
from support import office

from tirta import virtual
from tirta.boards import board_file
from tirta.boards.model import Board
from tirta.cli import main
from tirta.errors import TirtaError
from tirta.files.paths import boards_dir
from tirta.node import Node
from tirta.virtual.demo_config import DEMO_CONFIG

CHIP = "240ac4e29526"  # what esptool reads in the loader
NAME = "valve_box"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    """8 MB of flash, most of it log; other pins, fewer of them, another shunt."""
    text = (boards_dir() / "virtual.toml").read_text()
    for old, new in (
        (r"size = 0x400000", "size = 0x800000"),
        (r"offset = 0x2D8000, size = 0x128000", "offset = 0x300000, size = 0x500000"),
        (r"shunt_ohm = 100\.0", "shunt_ohm = 80.6"),
        (r"\[pins\.flow\]\ngpio = 27", "[pins.flow]\ngpio = 25"),
        (r"\[pins\.analog_1\]\ngpio = 36", "[pins.analog_1]\ngpio = 35"),
        (r"\[pins\.analog_4\]\ngpio = 35", "[pins.analog_4]\ngpio = 36"),
        (r"\[pins\.(?:alarm|tamper|sdi12)\]\n(?:.+\n)+", ""),
    ):
        text, times = re.subn(old, new, text)
        assert times, old
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    board_file.own_dir().mkdir(parents=True)
    (board_file.own_dir() / f"{NAME}.toml").write_text(text)
    return board_file.load(NAME)


def tirta(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    code = main([str(word) for word in words])
    told = capsys.readouterr()
    assert code == 0, (words, told.out, told.err)
    return told.out


def test_it_becomes_a_node(
    own: Board,
    nodes: Nodes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    office(tmp_path, monkeypatch)

    def power(flash: bytes) -> str:
        return nodes.up("fresh", board=NAME, baud=115200, flash_image=flash, chip_id=CHIP).port

    config = tmp_path / "inlet.toml"
    config.write_text(DEMO_CONFIG.read_text().replace('board = "virtual"', f'board = "{NAME}"'))
    tirta(capsys, "config", "check", config)
    with RomLoader(tmp_path, "esp32", own.flash.size, after=power) as chip:
        told = json.loads(
            tirta(
                capsys, "flash", chip.port, "--board", NAME,
                "--micropython", invented(tmp_path, own), "--allow-unlisted",
                "--config", config, "--json", "--labels", tmp_path,
            )
        )  # fmt: skip
    (running,) = virtual.list_nodes()
    port = running["port"]
    assert (told["node"], running["board"]) == (CHIP, NAME)
    with Node(port) as node:
        assert (node.hello.board, node.hello.mode) == (NAME, "locked")
    assert f"{NAME}, firmware" in tirta(capsys, "status", port)
    got = tirta(capsys, "config", "get", port)
    assert f'board = "{NAME}"' in got
    assert '"analog_1"' in got
    config.write_text(config.read_text().replace("interval_s = 60", "interval_s = 30"))
    tirta(capsys, "config", "apply", port, config)


def test_a_name_that_ours_has_is_refused(own: Board) -> None:
    (board_file.own_dir() / "esp32_devkitc.toml").write_text("")
    with pytest.raises(TirtaError, match="two boards"):
        board_file.load("esp32_devkitc")
    assert board_file.names().count("esp32_devkitc") == 1
    assert board_file.load(NAME) == own
