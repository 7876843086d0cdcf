# SPDX-License-Identifier: MIT
"""The link and the pull against a peer on a PTY, with noise on the line."""

import json
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from peer import CONFIG_TEXT, EPOCH, UNIX_MS, Peer, peer_fixture  # noqa: F401
from pulled import check_records

from tirta.archive.evidence import Archive
from tirta.errors import TirtaError
from tirta.link.failures import NoAnswerError, RefusedError
from tirta.link.protocol import MAX_PAYLOAD
from tirta.link.serial_line import Line, LineLostError
from tirta.node import Node
from tirta.pull.pull import pull
from tirta.pull.wanted import Wanted
from tirta_format import frame

LONG_AGO = datetime(2024, 6, 1, tzinfo=UTC)


def test_hello_is_bounded_and_cannot_write_to_the_terminal(peer: Peer) -> None:
    with Node(peer.port) as node:
        assert node.hello.node == "n0de"
        assert node.hello.name.startswith("evil ]0;title xxx")
        assert len(node.hello.name) == 64


def test_refusal_is_told_without_escapes(peer: Peer) -> None:
    with Node(peer.port) as node, pytest.raises(RefusedError) as refused:
        node.link.request(0x7E)
    assert refused.value.code == frame.BAD_REQUEST
    assert "\x1b" not in str(refused.value)


def test_longest_request_fits_the_nodes_window() -> None:
    for payload in (b"\x00" * MAX_PAYLOAD, b"\xff" * MAX_PAYLOAD):
        assert len(frame.encode(1, 0, payload)) <= 256


def test_config_goes_there_and_comes_back(peer: Peer) -> None:
    text = CONFIG_TEXT.replace(b'"test"', b'"' + b"long name " * 3 + b'"')
    with Node(peer.port) as node:
        answer = node.apply_config(text)
        assert answer.state == "active"
        assert node.config() == text
    assert peer.most_unanswered <= 256


@pytest.mark.parametrize("taken", [True, False])
def test_a_node_that_says_it_has_a_request_has_time_for_it(peer: Peer, taken: bool) -> None:
    """It answers behind all tries; without that word nobody waits so long."""
    with Node(peer.port) as node:
        peer.frame_s = 2.5
        later = threading.Timer(0.1, peer.say, [b"\0" if taken else b""])
        later.start()
        if taken:
            assert node.link.request(frame.CONFIG_GET, b"\0\0", think_s=0.05, tries=2)
        else:
            with pytest.raises(NoAnswerError):
                node.link.request(frame.CONFIG_GET, b"\0\0", think_s=0.05, tries=2)
        later.join()


def test_pull_gets_every_record_once(peer: Peer, tmp_path: Path) -> None:
    peer.log.add(2000)
    with Node(peer.port) as node:
        result = pull(node, tmp_path)
        assert (result.records, result.first, result.last) == (2000, 0, 1999)
        assert (result.epoch, result.holes) == (EPOCH, [])
        assert peer.pulled == 2000
        peer.log.add(1)
        peer.requests.clear()
        result = pull(node, tmp_path)
        assert (result.records, result.first, result.last) == (1, 2000, 2000)
        assert result.wire_bytes < 2000
        result = pull(node, tmp_path)
        assert (result.records, result.first, result.last) == (0, None, None)
    check_records(tmp_path, 2001)


def test_pull_through_noise(peer: Peer, tmp_path: Path) -> None:
    peer.log.add(2000)
    with Node(peer.port, 921600) as node:
        peer.noise = 0.05
        result = pull(node, tmp_path)
        assert result.records == 2000
        assert node.link.damaged_frames > 0
    check_records(tmp_path, 2000)


def test_pull_since_leaves_older_pages_out(peer: Peer, tmp_path: Path) -> None:
    peer.log.add(3000)
    with Node(peer.port) as node:
        result = pull(node, tmp_path, since=2500)
        assert result.last == 2999
        assert result.first is None or result.first <= 2500
        assert len(Archive(tmp_path).epochs()[0].pages()) < len(peer.log.pages)
        assert pull(node, tmp_path).total == 3000
    check_records(tmp_path, 3000)


def test_a_node_that_never_had_a_clock_knows_no_times(peer: Peer) -> None:
    peer.log.add(500)
    with Node(peer.port) as one:
        assert Wanted(5, LONG_AGO).numbers(one) == (5, None)  # all of it may be wanted
        with pytest.raises(TirtaError, match="has a time yet"):
            Wanted(LONG_AGO).numbers(one)


@pytest.mark.parametrize("kept", range(0, 12, 3))
def test_pull_goes_on_from_any_subset(peer: Peer, tmp_path: Path, kept: int) -> None:
    peer.log.add(3000)
    with Node(peer.port) as node:
        pull(node, tmp_path)
        stored = [p.path for p in Archive(tmp_path).epochs()[0].pages().values()]
        for path in stored[kept:]:
            path.unlink()
        (stored[0].parent / ".0000000001.page.tmp123").write_bytes(b"half")
        peer.log.add(5)
        assert pull(node, tmp_path).holes == []
    assert not list(tmp_path.rglob("*.tmp*"))
    check_records(tmp_path, 3005)


def test_silent_port_says_what_to_try() -> None:
    peer = Peer()
    peer.silent = True
    try:
        with pytest.raises(TirtaError) as error:
            Node(peer.port)
    finally:
        peer.close()
    assert "No node answers" in error.value.what
    assert "--baud" in error.value.hint


def test_who_still_starts_is_waited_for() -> None:
    """Behind the time for a silent one it says what boards say, and answers then."""
    peer = Peer()
    peer.silent = True

    def start() -> None:
        for _ in range(6):
            time.sleep(1)
            peer.say(b"I (431) cpu_start: Starting scheduler.\r\n")
        peer.silent = False

    starts = threading.Thread(target=start)
    starts.start()
    try:
        with Node(peer.port) as node:
            assert node.status()["node"] == "n0de"
    finally:
        starts.join()
        peer.close()


def test_wrong_port_and_port_in_use(peer: Peer) -> None:
    with pytest.raises(TirtaError, match="There is no port /dev/nowhere"):
        Node("/dev/nowhere")
    with Node(peer.port), pytest.raises(TirtaError, match="in use"):
        Node(peer.port)
    with pytest.raises(TirtaError, match="cannot be opened as a serial port"):
        Node(os.devnull)


def test_node_name_cannot_leave_the_archive(tmp_path: Path) -> None:
    peer = Peer(node="../../etc")
    try:
        peer.log.add(1)
        with pytest.raises(TirtaError, match="does not keep to"), Node(peer.port) as node:
            pull(node, tmp_path)
    finally:
        peer.close()
    assert json.dumps(sorted(p.name for p in tmp_path.iterdir())) == "[]"


def test_pulled_cable_is_one_message(tmp_path: Path) -> None:
    peer = Peer()
    peer.log.add(10)
    with Node(peer.port) as node:
        peer.close()
        with pytest.raises(TirtaError, match=r"connection to .* broke"):
            pull(node, tmp_path)


@pytest.mark.parametrize("act", [lambda line: line.set_baud(230_400), lambda line: line.read(0.1)])
def test_a_port_that_vanishes_is_one_message(act: Callable[[Line], object]) -> None:
    """Whatever the terminal's calls raise then: termios.error is no OSError."""
    master, slave = os.openpty()
    line = Line(os.ttyname(slave))
    os.close(master)
    try:
        with pytest.raises(LineLostError, match=r"connection to .* broke"):
            act(line)
        line.drain()
        line.close()
    finally:
        os.close(slave)


def test_application_that_fails_at_its_restart_says_why(peer: Peer) -> None:
    with Node(peer.port) as node:
        peer.silent = True
        told = b"OSError: 5\r\nTirta: the application failed; the node starts again\r\n>>> "
        later = threading.Timer(0.6, peer.say, [told])
        later.start()
        with pytest.raises(TirtaError, match="its application failed with OSError: 5"):
            node.wait_until_back()
        later.join()
