# SPDX-License-Identifier: MIT
"""Nodes that lie: none of them hangs, fills or fools the laptop."""

import json
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from peer import Peer

from tirta.errors import TirtaError
from tirta.node import Node
from tirta.node.tail import follow
from tirta.pull.pull import pull
from tirta_format import page

MOST_REQUESTS = 1000  # none of these logs needs more


@contextmanager
def liar(**answers: Callable[[bytes], bytes]) -> Iterator[Peer]:
    """A peer whose answers `_answer_XX` are replaced."""
    peer = Peer()
    peer.log.add(300)
    for name, answer in answers.items():
        setattr(peer, f"_answer_{name}", answer)
    try:
        yield peer
    finally:
        peer.close()


def pulled(peer: Peer, folder: Path) -> None:
    try:
        with Node(peer.port, 921_600, steady=True) as node:
            pull(node, folder)
    finally:
        assert len(peer.requests) < MOST_REQUESTS


def test_an_index_without_an_end(tmp_path: Path) -> None:
    def index(payload: bytes) -> bytes:
        (since,) = struct.unpack("<I", payload)
        return b"\x01" + b"".join(struct.pack("<III", since + n, n, n) for n in range(330))

    with liar(**{"04": index}) as peer, pytest.raises(TirtaError, match="protocol"):
        pulled(peer, tmp_path)
    assert not list(tmp_path.rglob("*.page"))


def test_a_config_of_four_gigabytes(tmp_path: Path) -> None:
    def config(_: bytes) -> bytes:
        return struct.pack("<H", 0xFFFF) + bytes(200)

    with liar(**{"07": config}) as peer, pytest.raises(TirtaError, match="protocol"):
        pulled(peer, tmp_path)


def test_a_log_of_four_billion_records(tmp_path: Path) -> None:
    with liar(**{"03": lambda _: struct.pack("<IIH", 0xFFFFFFFF, 1, 4096)}) as peer:
        pulled(peer, tmp_path)
    assert sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file()) < 100_000


@pytest.mark.parametrize("status", [{"node": "other", "epoch": 77}, {"node": "n0de"}])
def test_a_status_of_somebody_else(tmp_path: Path, status: dict[str, object]) -> None:
    text = json.dumps(status).encode()
    with liar(**{"02": lambda _: text}) as peer, pytest.raises(TirtaError, match="cannot be"):
        pulled(peer, tmp_path)
    assert not list(tmp_path.iterdir())


def test_another_node_at_the_raised_rate(tmp_path: Path) -> None:
    with liar() as peer:

        def rate(payload: bytes) -> bytes:
            peer.node = "0ther"
            return payload

        peer.log.add(3000)
        peer._answer_10 = rate  # type: ignore[attr-defined]
        with Node(peer.port) as node, pytest.raises(TirtaError, match="Another node answers"):
            pull(node, tmp_path)
    assert not list(tmp_path.rglob("*.page"))


@pytest.mark.parametrize("lie", ["another page", "another epoch", "noise"])
def test_pages_of_another_log(tmp_path: Path, lie: str) -> None:
    with liar() as peer:
        pages = peer.log.pages
        if lie == "another page":
            pages[1] = pages[2] = bytearray(pages[1])
        elif lie == "another epoch":
            head = page.Header(2, 1, 78, 0, 0, 1, peer.log.config_hash)
            pages[1][:40] = page.MARK + head.pack()
        else:
            pages[1][:40] = bytes(40)
        entries = b"".join(struct.pack("<III", seq, seq * 150 - 150, 7) for seq in (1, 2))
        peer._answer_04 = lambda _: b"\x00" + entries  # type: ignore[method-assign, assignment]
        peer._answer_03 = lambda _: struct.pack("<IIH", 300, 2, 4096)  # type: ignore[method-assign]
        with pytest.raises(TirtaError, match="changed while it was read"):
            pulled(peer, tmp_path)
    assert len(list(tmp_path.rglob("*.page"))) < 2


def test_frames_that_do_not_fit_into_a_page(tmp_path: Path) -> None:
    """Whatever offset and length they name, what was asked for comes, and nothing else."""
    with liar() as peer:
        real = peer._slices
        lies = ((1, 4090, b"x" * 64), (9, 0, b"y" * 64), (1, 65535, b"z"), (1, 0, b""))

        def slices(*asked: int) -> Iterator[tuple[int, int, bytes]]:
            yield from lies
            yield from real(*asked)

        peer._slices = slices  # type: ignore[assignment, method-assign]
        pulled(peer, tmp_path)
        (stored,) = tmp_path.rglob("*1.page")
        assert stored.read_bytes() == peer.log.pages[1][: stored.stat().st_size]
        assert len(list(tmp_path.rglob("*.page"))) == len(peer.log.pages)


def test_a_stream_without_an_end(tmp_path: Path) -> None:
    with liar() as peer:

        def slices(*_: int) -> Iterator[tuple[int, int, bytes]]:
            while not peer._stop.is_set():
                yield 9999, 0, b"x" * 64

        peer._slices = slices  # type: ignore[assignment, method-assign]
        with pytest.raises(TirtaError, match="more than it was asked for"):
            pulled(peer, tmp_path)


def test_garbage_without_an_end_and_then_a_node() -> None:
    with liar() as peer:
        stop = threading.Event()

        def talk() -> None:
            while not stop.is_set():
                peer.say(b"\x1b[2J garbage \xff\x03" * 20)
                time.sleep(0.005)

        peer.silent = True
        talker = threading.Thread(target=talk)
        talker.start()
        with pytest.raises(TirtaError) as error:
            Node(peer.port)
        assert "\x1b" not in str(error.value)
        stop.set()
        talker.join()
        peer.silent = False
        with Node(peer.port) as node:
            assert node.hello.node == "n0de"


@pytest.mark.parametrize("odd", [{"boot": "x"}, {"unix_ms": []}, {"values": [7]}, {"slot": 1e300}])
def test_values_that_are_none(odd: dict[str, object]) -> None:
    told = {"number": 1, "slot": 4, "values": [["flow", 3, 1]]}
    with (
        liar(**{"0c": lambda _: json.dumps(told | odd).encode()}) as peer,
        Node(peer.port) as node,
        pytest.raises(TirtaError, match="protocol"),
    ):
        list(follow(node, 1))
