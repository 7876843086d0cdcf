# SPDX-License-Identifier: MIT
"""The line runs faster for a while, on a cable that carries nothing when its ends disagree."""

import os
import signal
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from logged import LOGGED, logged_node
from patience import Patience, wait_for
from relay import Relay

from tirta import virtual
from tirta.errors import TirtaError
from tirta.node import Node
from tirta.node.requests import FAST_BAUDS
from tirta.pull.pull import pull
from tirta_format import frame

FIRST = 115_200
MINUTES = 6000
LATE_S = 1.8  # longer than a node stays at a rate at which it hears nothing


@pytest.fixture(name="device", scope="module")
def device_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """(port, state file) of a node with some days in its log, on a line of 115,200 baud."""
    with logged_node(tmp_path_factory.mktemp("rate"), MINUTES, baud=FIRST) as node:
        yield node.port, str(Path(node.flash).parent / "state.bin")


def rate_of_the_node() -> int:
    return int(virtual.control(LOGGED, {"do": "status"})["baud"])


def test_a_pull_raises_the_rate_and_leaves_the_first_one(
    device: tuple[str, str], tmp_path: Path
) -> None:
    port, state = device
    with Relay(port, FIRST, state=state) as relay, Node(relay.port) as node:
        rates = set()
        result = pull(node, tmp_path, progress=lambda *_: rates.add(node.line.baud))
        assert rates == {FAST_BAUDS[0]}
        assert node.line.baud == FIRST
        assert rate_of_the_node() == FIRST
        assert node.status()["next_record"] >= result.total >= MINUTES - 1
    assert result.holes == []
    assert result.wire_bytes > 20_000


def test_a_node_that_answers_late_keeps_the_raised_rate(
    device: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process stands still when the rate has changed, as on a busy computer."""
    port, state = device
    supervisor = virtual.control(LOGGED, {"do": "status"})["pid"]
    board = int(Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()[0])
    stood: list[int] = []
    with Relay(port, FIRST, state=state) as relay, Node(relay.port) as node:
        set_baud = node.line.set_baud

        def stand_still(baud: int) -> None:
            if baud != FIRST:
                os.kill(board, signal.SIGSTOP)
                threading.Timer(LATE_S, os.kill, (board, signal.SIGCONT)).start()
                stood.append(baud)
            set_baud(baud)

        monkeypatch.setattr(node.line, "set_baud", stand_still)
        rates = set()
        result = pull(node, tmp_path, progress=lambda *_: rates.add(node.line.baud))
        assert rates == {FAST_BAUDS[0]}
        assert stood == [FAST_BAUDS[0]]
        assert rate_of_the_node() == FIRST
    assert result.holes == []


def test_a_node_that_hears_nothing_goes_back(device: tuple[str, str]) -> None:
    port, state = device
    with Relay(port, FIRST, state=state) as relay:
        with Node(relay.port) as node:
            node.link.request(frame.RATE, struct.pack("<I", 460_800))
        wait_for(lambda: rate_of_the_node() == 460_800, every_s=0.01)
        patience = Patience()
        while True:  # the next program knows nothing of that
            try:
                with Node(relay.port) as node:
                    assert node.status()["node"]
                break
            except TirtaError:
                assert not patience.over()
        assert rate_of_the_node() == FIRST


def test_a_cable_that_carries_no_fast_rate_costs_some_seconds(
    device: tuple[str, str], tmp_path: Path
) -> None:
    port, state = device
    with (
        Relay(port, FIRST, state=state, limit=300_000) as relay,
        Node(relay.port) as node,
    ):
        rates = set()
        result = pull(node, tmp_path, progress=lambda *_: rates.add(node.line.baud))
        assert rates <= {FIRST, *(b for b in FAST_BAUDS if b <= 300_000)}
        assert node.line.baud == FIRST
    assert result.holes == []


def test_a_rate_that_is_none_is_refused(device: tuple[str, str]) -> None:
    with Node(device[0]) as node:
        for payload in (b"", struct.pack("<I", 7), struct.pack("<I", 6_000_000), bytes(8)):
            with pytest.raises(TirtaError, match="refuses"):
                node.link.request(frame.RATE, payload)
        assert node.status()["node"]


def test_a_hello_that_is_handled_late_raises_nothing(device: tuple[str, str]) -> None:
    """On a cable that carries every rate, as an emulated chip's does."""
    with Node(device[0]) as node:
        node.link.request(frame.RATE, struct.pack("<I", 921_600))
        for baud in (921_600, FIRST):
            wait_for(lambda baud=baud: rate_of_the_node() == baud, every_s=0.01)  # type: ignore[misc]
        node.link.request(frame.HELLO, b"\x01\x01921600")
        node.link.request(frame.RATE, struct.pack("<I", FIRST))
        rates = set()
        for _ in range(25):  # longer than a raised rate lasts in silence
            rates.add(rate_of_the_node())
            time.sleep(0.1)
        assert rates == {FIRST}
