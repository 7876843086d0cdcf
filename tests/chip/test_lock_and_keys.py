# SPDX-License-Identifier: MIT
"""A locked node on the genuine image: no key on the line opens it, whenever it comes; a stranger
learns its name, and who has its key pulls.
"""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial
from emulated import MAC, Chip, Record, chip, inlet, locked_flash
from outside import look, must_be_whole
from support import keep_keys

INTERVAL_S = 5
KEYS = (b"\x03", b"\x04", b"\x01", b"\x02", b"\r", b"\x03\x03\x04", b"print(7*191)\r", b"\x03" * 8)
OPENED = (b">>> ", b"raw REPL", b"MicroPython v", b"1337\r", b"Traceback")
STORM_S = 75


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chip]:
    with chip(tmp_path_factory.mktemp("locked"), locked_flash(inlet(INTERVAL_S))) as found:
        keep_keys(found.home / "keys")
        yield found


def storm(port: str, seconds: float, seed: int) -> bytes:
    """Press keys through a whole start; what the chip said."""
    chance = random.Random(seed)
    heard = b""
    with serial.Serial(port, 115200, timeout=0, write_timeout=10) as line:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            line.write(chance.choice(KEYS))
            time.sleep(chance.choice((0.005, 0.02, 0.06)))
            heard += line.read(65536)
    return heard


def test_no_key_at_any_moment_of_a_start_opens_it(node: Chip) -> None:
    heard = storm(node.port, STORM_S, 1)
    assert not [word for word in OPENED if word in heard], heard[-2000:]


def test_who_has_the_key_is_answered(node: Chip, record_property: Record) -> None:
    status = node.sampled(3)
    assert status["mode"] == "locked"
    assert status["boot"] == 1, "a key reset the node"
    record_property("measured", f"{status['heap_free']:,} bytes of heap free, locked")


def test_a_running_one_knows_no_keys(node: Chip) -> None:
    heard = storm(node.port, 15, 2)
    assert not [word for word in OPENED if word in heard], heard[-2000:]
    assert node.status()["boot"] == 1


def test_a_stranger_learns_its_name_only(node: Chip, tmp_path: Path) -> None:
    stranger = Chip(node.kit, node.folder, tmp_path, node.inputs)
    done = stranger.command("pull", stranger.port, "--archive", tmp_path / "archive")
    assert done.code == 1
    assert MAC in done.err
    assert not list(tmp_path.rglob("*.page"))


def test_its_log_comes_to_who_has_the_key(node: Chip, tmp_path: Path) -> None:
    done = node.tirta("pull", node.port, "--archive", tmp_path, "--json")
    assert done.json["holes"] == []
    partition = node.flash("log")
    pages = list(tmp_path.rglob("*.page"))
    assert pages
    assert all(page.read_bytes() in partition for page in pages)
    must_be_whole(look(partition))
