# SPDX-License-Identifier: MIT
"""A day of an open node on the genuine image: another config on trial and one that is given up, a
raised line, a visit with mpremote, a reset.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from emulated import Chip, Record, chip, flash_of, inlet
from outside import look, must_be_whole, must_follow
from patience import wait_for

from tirta.node import Node
from tirta.text import clean
from tirta_format import frame

INTERVAL_S = 5
FIRST, FAST = 115_200, 921_600


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chip]:
    with chip(tmp_path_factory.mktemp("working"), flash_of(inlet(INTERVAL_S, visit_s=30))) as found:
        found.sampled(4)
        yield found


def near(found: int, wanted: int) -> bool:
    """The image makes its rates from a slow clock: 921,600 becomes 941,176."""
    return abs(found - wanted) < 0.03 * wanted


def rate(node: Chip, baud: int) -> None:
    with Node(node.port) as one:
        one.link.request(frame.RATE, struct.pack("<I", baud), think_s=4)


def test_a_raised_line_goes_back_when_nobody_speaks(node: Chip, record_property: Record) -> None:
    rate(node, FAST)
    wait_for(lambda: near(node.rates[1], FAST), told=lambda: str(node.rates))
    wait_for(lambda: near(node.rates[1], FIRST), told=lambda: str(node.rates))
    assert near(node.rates[1], FIRST)
    status = node.status()
    assert status["mode"] == "open"
    record_property("measured", f"{status['heap_free']:,} bytes of heap free, three channels")


def test_a_late_hello_keeps_no_line_raised(node: Chip) -> None:
    """One that names the fast rate and is handled behind the lapse, then the first rate again."""
    rate(node, FAST)
    wait_for(lambda: near(node.rates[1], FIRST), told=lambda: str(node.rates))
    with Node(node.port) as one:
        one.link.request(frame.HELLO, b"\1\1" + str(FAST).encode(), think_s=4)
        one.link.request(frame.RATE, struct.pack("<I", FIRST), think_s=4)
    wait_for(lambda: not node.status()["alarms"])
    assert near(node.rates[1], FIRST)


def test_a_config_is_tried_and_kept(node: Chip) -> None:
    """Its two starts last longer than the visit that the node knows of."""
    path = node.home / "other.toml"
    path.write_text(inlet(INTERVAL_S, name="Another name", visit_s=600))
    before = look(node.flash("log"))
    told = node.tirta("config", "apply", node.port, path, "--json").json
    assert told["state"] == "active"
    assert "Another name" in node.tirta("config", "get", node.port).out
    assert node.status()["alarms"] == []
    must_follow(before, look(node.flash("log")))


def test_a_config_that_reads_nothing_is_given_up(node: Chip) -> None:
    path = node.home / "bad.toml"
    bad = inlet(INTERVAL_S, name="Nothing there", visit_s=600).replace(
        'sensor = "4-20mA"\npin = "analog_1"', 'sensor = "4-20mA"\npin = "analog_2"'
    )
    path.write_text(bad)
    done = node.command("config", "apply", node.port, path)
    assert done.code == 1
    assert "p_inlet" in done.err
    assert "Another name" in node.tirta("config", "get", node.port).out


def test_mpremote_visits_and_the_node_goes_back_to_work(node: Chip, tmp_path: Path) -> None:
    before = node.sampled(1)
    kept = look(node.flash("log"))
    assert "42" in node.mpremote("exec", "print(6 * 7)")
    there = tmp_path / "there.txt"
    there.write_text("a note from the laptop\n")
    node.mpremote("resume", "fs", "cp", str(there), ":note.txt")
    back = tmp_path / "back.txt"
    node.mpremote("resume", "fs", "cp", ":note.txt", str(back))
    assert back.read_text() == there.read_text()
    node.mpremote("resume", "fs", "rm", ":note.txt")
    node.mpremote("resume", "reset")
    after = node.sampled(2)
    assert after["next_record"] >= before["next_record"]
    assert after["boot"] > before["boot"]
    assert clean(after["cause"]) == "hard reset"
    now = look(node.flash("log"))
    must_follow(kept, now)
    must_be_whole(now)
