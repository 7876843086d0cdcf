# SPDX-License-Identifier: MIT
"""A node's side of the link on a real PTY, for tests of the laptop alone.

It is built from `tirta_format` and keeps a log of encoded pages; `noise` damages what it sends. The
real firmware behind the same link is tested in tests/system.
"""

import json
import os
import pty
import random
import select
import struct
import threading
import time
import tty
from collections.abc import Iterator

import pytest

from tirta_format import config as format_config
from tirta_format import frame, meta, record
from tirta_format import page as pages

CONFIG = {
    "board": "virtual",
    "channels": [
        {"name": "flow", "sensor": "pulse", "pin": 27, "counter": 0, "ml": 10000,
         "filter_ns": 10000, "scale": 1, "unit": "pulses"},
        {"name": "p_inlet", "sensor": "current", "pin": 36, "low": 0, "high": 10000,
         "shunt_mohm": 100000, "scale": 100, "unit": "m"},
    ],
    "commit_ms": 60000, "interval_ms": 60000, "name": "test", "version": 1, "visit_s": 1800,
}  # fmt: skip
CONFIG_TEXT = json.dumps(CONFIG, sort_keys=True, separators=(",", ":")).encode()
EPOCH = 77
UNIX_MS = 1_741_000_000_000


class FakeLog:
    """Pages as a node writes them, one chunk a record; `values(number)` gives the truth."""

    def __init__(self) -> None:
        self.pages: dict[int, bytearray] = {}
        self.end = pages.SIZE
        self.encoder = record.Encoder(2)
        self.encoder.restart(1, 0, 0)
        self.seq = 0
        self.config_hash = format_config.config_hash(CONFIG_TEXT)

    @property
    def number(self) -> int:
        return int(self.encoder.number)

    @staticmethod
    def values(number: int) -> list[int]:
        return [number * 7 % 50, 4500 + number % 13]

    def add(self, count: int) -> None:
        """Sample and commit `count` more records."""
        for _ in range(count):
            if self.end + 60 > pages.SIZE:
                self._open()
            buf = bytearray(128)
            at = self.encoder.put(
                buf, 2, self.encoder.slot, self.values(self.number), bytes([1, 1]), 0
            )
            self._chunk(buf, pages.RECORDS, at - 2)

    def _open(self) -> None:
        self.seq += 1
        self.encoder.restart(1, self.encoder.number, self.encoder.slot)
        head = pages.Header(2, self.seq, EPOCH, self.number, self.encoder.slot, 1, self.config_hash)
        page = bytearray(b"\xff" * pages.SIZE)
        page[:40] = pages.MARK + head.pack()
        self.pages[self.seq] = page
        self.head_crc = head.crc
        self.end = pages.HEADER_SIZE
        if self.seq == 1:
            for payload in (
                meta.boot(0, 1, 1, "0.1.0", "virtual"),
                *(
                    meta.config(0, self.config_hash, CONFIG_TEXT, at)
                    for at in range(0, len(CONFIG_TEXT), meta.CONFIG_PART)
                ),
                meta.anchor(5000, UNIX_MS, 2, 50),
            ):
                buf = bytearray(len(payload) + 8)
                buf[2 : 2 + len(payload)] = payload
                self._chunk(buf, pages.META, len(payload))

    def _chunk(self, buf: bytearray, kind: int, n: int) -> None:
        size = pages.finish_chunk(buf, kind, n, self.head_crc)
        self.pages[self.seq][self.end : self.end + size] = buf[:size]
        self.end += size


class Peer:
    """Serves the log on `port`. `noise` is the chance that a frame it sends is damaged."""

    def __init__(self, node: str = "n0de") -> None:
        self.begin(node)
        self.noise = 0.0
        self.frame_s = 0.0  # what a frame takes on the line
        self.silent = False
        self.most_unanswered = 0
        self._random = random.Random(1)
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def begin(self, node: str) -> None:
        """What the answers need; the line is no part of it."""
        self.log = FakeLog()
        self.node = node
        self.requests: list[int] = []
        self.pulled = 0
        self.config_text = CONFIG_TEXT
        self._staged = bytearray()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)

    def say(self, text: bytes) -> None:
        """Print something that is no frame, as a board does when it boots."""
        os.write(self._master, text)

    def _serve(self) -> None:
        pending = b""
        while not self._stop.is_set():
            if not select.select([self._master], [], [], 0.02)[0]:
                continue
            data = os.read(self._master, 4096)
            self.most_unanswered = max(self.most_unanswered, len(data))
            *whole, pending = (pending + data).split(b"\x00")
            for part in whole:
                found = frame.decode(part)
                if found and not self.silent:
                    self._answer(*found)

    def _send(self, kind: int, seq: int, payload: bytes) -> None:
        data = bytearray(frame.encode(kind, seq, payload))
        if self._random.random() < self.noise:
            data[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)
        time.sleep(self.frame_s)
        at = 0
        while at < len(data) and not self._stop.is_set():
            if select.select([], [self._master], [], 0.1)[1]:
                at += os.write(self._master, data[at : at + 512])

    def _answer(self, kind: int, seq: int, payload: bytes) -> None:
        self.requests.append(kind)
        if kind == frame.READ:
            count = 0
            size = struct.unpack_from(frame.READ_SLICE, payload)[0]
            for asked in struct.iter_unpack(frame.READ_RANGE, payload[2:]):
                for page, at, data in self._slices(size, *asked):
                    head = struct.pack(frame.DATA_HEAD, page, at, len(data))
                    self._send(frame.DATA, seq, head + data.rstrip(b"\xff"))
                    count += 1
            self._send(frame.END, seq, struct.pack("<IB", count, frame.END_DONE))
            return
        answer = getattr(self, f"_answer_{kind:02x}", None)
        if answer:
            self._send(kind + frame.ANSWER, seq, answer(payload))
        else:
            self._send(frame.REFUSAL, seq, bytes((frame.BAD_REQUEST,)) + b"what?\x1b[2J")

    def _slices(
        self, size: int, first: int, at: int, last: int, end: int
    ) -> Iterator[tuple[int, int, bytes]]:
        for page in sorted(p for p in self.log.pages if first <= p <= last):
            start = at if page == first else 0
            stop = end if page == last else pages.SIZE
            while start < stop:
                cut = min(start // size * size + size, stop)
                yield page, start, bytes(self.log.pages[page][start:cut])
                start = cut

    def _answer_01(self, _: bytes) -> bytes:
        return json.dumps(
            {"tirta": 1, "node": self.node, "board": "virtual", "firmware": "0.1.0",
             "mode": "open", "name": "evil\x1b]0;title\x07" + "x" * 500}
        ).encode()  # fmt: skip

    def _answer_02(self, _: bytes) -> bytes:
        return json.dumps({
            "node": self.node, "epoch": EPOCH, "clock": "holdover", "next_record": self.log.number,
            "config": format_config.config_hash(self.config_text),
        }).encode()  # fmt: skip

    def _answer_03(self, _: bytes) -> bytes:
        return struct.pack("<IIH", self.log.number, self.log.seq, self.log.end)

    def _answer_04(self, payload: bytes) -> bytes:
        since = struct.unpack("<I", payload)[0]
        rest = [seq for seq in sorted(self.log.pages) if seq >= since]
        out = bytes((len(rest) > 5,))
        for seq in rest[:5]:
            head = pages.header(self.log.pages[seq])
            assert head is not None
            out += struct.pack("<III", seq, head.number, head.crc)
        return out

    def _answer_07(self, payload: bytes) -> bytes:
        at = struct.unpack("<H", payload)[0]
        return struct.pack("<H", len(self.config_text)) + self.config_text[at : at + 300]

    def _answer_08(self, payload: bytes) -> bytes:
        _, at = struct.unpack("<HH", payload[:4])
        if at <= len(self._staged):
            self._staged[at:] = payload[4:]
        return struct.pack("<H", len(self._staged))

    def _answer_09(self, payload: bytes) -> bytes:
        wanted = struct.unpack("<I", payload)[0]
        assert wanted == format_config.config_hash(bytes(self._staged))
        self.config_text = bytes(self._staged)
        return json.dumps({"hash": wanted, "state": "active"}).encode()

    def _answer_0c(self, _: bytes) -> bytes:
        return json.dumps({"number": 1, "values": [["flow", 1, 1]]}).encode()

    def _answer_30(self, payload: bytes) -> bytes:
        wanted = struct.unpack("<IH", payload)[0]
        assert wanted == format_config.config_hash(bytes(self._staged))
        return json.dumps({"hash": wanted, "state": "staged"}).encode()

    def _answer_32(self, _: bytes) -> bytes:
        tried = format_config.config_hash(bytes(self._staged))
        return json.dumps({"hash": tried, "state": "trial", "test": [["flow", None, 2]]}).encode()

    def _answer_31(self, payload: bytes) -> bytes:
        self.config_text = bytes(self._staged)
        return json.dumps({"hash": struct.unpack("<I", payload)[0], "state": "active"}).encode()

    def _answer_0d(self, payload: bytes) -> bytes:
        self.pulled = struct.unpack("<II", payload)[1]
        return b""


@pytest.fixture(name="peer")
def peer_fixture() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()
