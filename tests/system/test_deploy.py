# SPDX-License-Identifier: MIT
"""Deploying to the virtual board: repeatable, interruptible, and refused where it does not fit."""

import contextlib
import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from littlefs import LittleFS, LittleFSError, UserContext
from locked import FLEET, credential, guarded
from nodes import FAST_BAUD, Nodes
from patience import run

from tirta import config, virtual
from tirta.boards import board_file
from tirta.boards.model import Board
from tirta.errors import TirtaError
from tirta.files.paths import boards_dir, firmware_dir
from tirta.image.build import build
from tirta.image.regions import flash_image
from tirta.install.deploy import deploy
from tirta.keys.credential import node_key
from tirta.node import Node
from tirta.node.discover import REPL, choose, list_ports
from tirta.pull.pull import pull
from tirta.virtual.demo_config import DEMO_CONFIG
from tirta_format import access

TIRTA = [sys.executable, "-c", "import sys; from tirta.cli import main; sys.exit(main())"]


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """A firmware that differs from ours in every start."""
    folder = tmp_path / "firmware"
    shutil.copytree(firmware_dir(), folder)
    with (folder / "tirta_node" / "__init__.py").open("a") as file:
        file.write("\nCHANGED = 1\n")
    return folder


def test_bare_board_becomes_a_node_and_again_costs_nothing(nodes: Nodes) -> None:
    port = nodes.up().port
    (found,) = list_ports()
    assert (found.mode, found.kind, found.board) == (REPL, "virtual", "virtual")
    text, board = config.load(DEMO_CONFIG)
    first = deploy(port, board, text, baud=FAST_BAUD)
    built = build(board)
    assert first.written_bytes > sum(map(len, [*built.vfs.values(), *built.app.values()]))
    assert len(first.readings) == len(json.loads(text)["channels"])
    silent = {r.name for r in first.readings if r.missing}
    assert "p_inlet" in silent, "its loop has no current"
    assert "flow" not in silent
    again = deploy(port, board, text, baud=FAST_BAUD)
    assert again.readings == []
    assert again.written_bytes == 0
    assert again.hello == first.hello
    (found,) = list_ports()
    assert (found.node, found.mode) == (first.hello.node, "open")
    assert dated_files(board) == []
    locked = deploy(port, board, baud=FAST_BAUD, key_of=lambda node: node_key(FLEET, node))
    assert (locked.hello.node, locked.hello.mode) == (first.hello.node, "locked")
    with Node(port, FAST_BAUD) as node:
        guarded(node)
        with pytest.raises(TirtaError, match="no key on this computer opens it"):
            node.config()
        guarded(node, credential(node.hello.node, access.TECHNICIAN))
        assert node.config() == text


def dated_files(board: Board) -> list[str]:
    """Files of slot A that MicroPython dates: the room for that is what a slot has to spare."""
    (there,) = virtual.list_nodes()
    slot = board.partition("app_a")
    context = UserContext(slot.size)
    context.buffer[:] = Path(there["flash"]).read_bytes()[slot.offset : slot.offset + slot.size]
    fs = LittleFS(context, block_size=512, block_count=slot.size // 512, mount=False)
    fs.mount()
    dated = []
    for folder, _, names in fs.walk("/"):
        for name in names:
            path = f"{folder}/{name}".replace("//", "/")
            with contextlib.suppress(LittleFSError):
                fs.getattr(path, "\x01")
                dated.append(path)
    return dated


@pytest.mark.campaign
def test_another_application_in_the_slot_is_in_nobodys_way(nodes: Nodes, tmp_path: Path) -> None:
    """Files that nobody overwrites go with the file system: a slot has no room for both."""
    port = nodes.up().port
    board = board_file.load("virtual")
    for name in ("first", "", "second"):
        source = firmware_dir()
        if name:
            source = tmp_path / name
            shutil.copytree(firmware_dir(), source)
            with (source / "tirta_node" / f"{name}.py").open("w") as file:
                file.write(f"X = {random.Random(1).randbytes(10_000)!r}\n")
        deploy(port, board, baud=FAST_BAUD, source=source)
    with Node(port, FAST_BAUD) as node:
        assert node.hello.mode == "open"


def test_killed_deploy_leaves_the_old_or_the_new(
    nodes: Nodes, tmp_path: Path, changed: Path
) -> None:
    text, board = config.load(DEMO_CONFIG)
    port = nodes.up(app=True, config=text).port
    chance = random.Random(5)
    for _ in range(4):
        process = subprocess.Popen(
            [*TIRTA, "deploy", "bare", "--board", "virtual", "--firmware", str(changed)],
            stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(1.0 + chance.uniform(0, 1.2))
        process.kill()
        process.wait()
        _power_cycle()
        with Node(port, FAST_BAUD) as node:
            assert node.hello.firmware
            assert node.config() == text
    deploy(port, board, baud=FAST_BAUD, source=changed)
    assert deploy(port, board, baud=FAST_BAUD, source=changed).written_bytes == 0
    with Node(port, FAST_BAUD) as node:
        assert pull(node, tmp_path / "archive").holes == []


def _power_cycle() -> None:
    time.sleep(0.3)  # what was on its way to the board arrives before the cut, as on a real cable
    virtual.cut("bare")
    virtual.up("bare")
    time.sleep(1)


def test_truncated_firmware_is_refused_before_the_board_is_touched(
    nodes: Nodes, changed: Path
) -> None:
    source = changed / "tirta_node/storage/log.py"
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2 - 3] + b"(")
    port = nodes.up().port
    with pytest.raises(TirtaError, match=r"log\.py"):
        deploy(port, board_file.load("virtual"), baud=FAST_BAUD, source=changed)
    (changed / "app.py").unlink()
    with pytest.raises(TirtaError, match="incomplete"):
        deploy(port, board_file.load("virtual"), baud=FAST_BAUD, source=changed)
    assert list_ports()[0].mode == REPL


@pytest.mark.parametrize(
    ("board", "told"), [("esp32c3_devkitm", "not the board"), ("esp32_devkitc", "runs x64 code")]
)
def test_wrong_board_is_refused(nodes: Nodes, board: str, told: str) -> None:
    port = nodes.up().port
    with pytest.raises(TirtaError, match=told) as error:
        deploy(port, board_file.load(board), baud=FAST_BAUD)
    assert "--board" in error.value.hint


def test_board_without_our_partitions_is_refused(nodes: Nodes, tmp_path: Path) -> None:
    source = boards_dir() / "virtual.toml"
    other = tmp_path / "virtual.toml"
    other.write_text(
        source.read_text().replace("0x2D8000,", "0x2D6000,").replace(
            "size = 0x128000", "size = 0x12A000"
        ).replace("size = 0x8000}", "size = 0x6000}")
    )  # fmt: skip
    image = flash_image(board_file.load(other), config=None, app=False)
    port = nodes.up(flash_image=image).port
    with pytest.raises(TirtaError, match="has no partition state"):
        deploy(port, board_file.load("virtual"), baud=FAST_BAUD)


def test_several_nodes_are_never_confused(nodes: Nodes) -> None:
    text, _ = config.load(DEMO_CONFIG)
    one = nodes.up("one", app=True, config=text)
    assert choose(None).port == one.port
    two = nodes.up("two", app=True, config=text)
    with pytest.raises(TirtaError, match="2 nodes may be connected") as error:
        choose(None)
    assert "one" in error.value.what
    assert "tirta ports" in error.value.hint
    time.sleep(1)
    ids = {p.name: p.node for p in list_ports()}
    assert len(set(ids.values())) == 2
    assert choose(ids["two"]).port == choose("two").port == choose(two.port).port == two.port
    with pytest.raises(TirtaError, match="no port and no node"):
        choose("three")


def test_config_goes_to_the_node_and_comes_back(nodes: Nodes, tmp_path: Path) -> None:
    text, _ = config.load(DEMO_CONFIG)
    port = nodes.up(app=True, config=text).port
    other = tmp_path / "other.toml"
    other.write_text(DEMO_CONFIG.read_text().replace("interval_s = 60", "interval_s = 1"))
    changed, _ = config.load(other)
    with Node(port, FAST_BAUD) as node:
        node.apply_config(changed)
        assert node.config() == changed
        assert node.status()["interval_s"] == 1
        time.sleep(2.5)
        assert pull(node, tmp_path / "archive").records >= 1


def test_deploy_to_a_bare_board_asks_for_its_kind(nodes: Nodes) -> None:
    nodes.up()
    done = run([*TIRTA, "deploy"])
    assert done.returncode == 1
    assert "tells which board this is" in done.stderr
    assert "--board, one of esp32_devkitc" in done.stderr
