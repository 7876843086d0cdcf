# SPDX-License-Identifier: MIT
"""Archives for tests of the tables: what `FakeLog` wrote, stored as a pull stores it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from peer import CONFIG_TEXT, EPOCH, FakeLog

from tirta.archive.evidence import Archive, Epoch
from tirta.tables.landing import Landed, land
from tirta.tables.layout import Shelf
from tirta_format import config as format_config
from tirta_format import meta
from tirta_format import page as pages

NODE = "n0de"
MARCH = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1000)
DAY_MS = 86_400_000
NIGHT = MARCH - DAY_MS // 2  # half a day before March


def store(root: Path, fake: FakeLog, node: str = NODE) -> Epoch:
    """Put all pages of a log into an archive; the newest as far as it is written."""
    epoch = Archive(root).epoch(node, EPOCH)
    for sequence, page in fake.pages.items():
        whole = bytes(page)
        epoch.store(sequence, whole[: fake.end] if sequence == fake.seq else whole)
    return epoch


def shelf(root: Path, node: str = NODE) -> Shelf:
    return Shelf(root, node, EPOCH)


def rows(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(path, partitioning=None).to_pylist()
    return found


def records(root: Path, node: str = NODE) -> dict[str, list[dict[str, Any]]]:
    """Rows by month."""
    return {month: rows(path) for month, path in shelf(root, node).months().items()}


def bytes_of(root: Path) -> dict[str, bytes]:
    """Every table of an archive."""
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*.parquet"))}


class Node(FakeLog):
    """A log with boots and clocks: nothing is written that a test does not ask for."""

    def __init__(
        self, epoch: int = EPOCH, config: bytes | None = None, text: bytes = CONFIG_TEXT
    ) -> None:
        super().__init__()
        self.epoch = epoch
        self.text = text  # of the config; `config` is as much of it as it says at once
        self.config_hash = format_config.config_hash(text)
        self.boot = 0
        self.start()
        for at in range(0, len(text if config is None else config), meta.CONFIG_PART):
            self.say_config(at)

    def start(self) -> None:
        """A boot: slots begin at 0, in a new page."""
        self.boot += 1
        self.encoder.restart(self.boot, self.encoder.number, 0)
        self._open()
        self.say(meta.boot(0, self.boot, 1, "0.1.0", "virtual"))

    def say_config(self, at: int) -> None:
        """The part of the config that begins there."""
        self.say(meta.config(0, self.config_hash, self.text, at))

    def clock(self, unix_ms: int, uptime_ms: int | None = None) -> None:
        """The clock is set: now, unless told otherwise."""
        now_ms = self.encoder.slot * 60_000 if uptime_ms is None else uptime_ms
        self.say(meta.anchor(now_ms, unix_ms, 2, 50))

    def say(self, payload: bytes) -> None:
        """Write a meta record."""
        if self.end + len(payload) + 8 > pages.SIZE:
            self._open()
        buf = bytearray(len(payload) + 8)
        buf[2 : 2 + len(payload)] = payload
        self._chunk(buf, pages.META, len(payload))

    def skip(self, slots: int = 0, numbers: int = 0) -> None:
        """Leave slots or numbers out, in a new page."""
        encoder = self.encoder
        encoder.restart(self.boot, encoder.number + numbers, encoder.slot + slots)
        self._open()

    def _open(self) -> None:
        self.seq += 1
        encoder = self.encoder
        encoder.restart(self.boot, encoder.number, encoder.slot)
        head = pages.Header(
            2, self.seq, self.epoch, encoder.number, encoder.slot, self.boot, self.config_hash
        )
        page = bytearray(b"\xff" * pages.SIZE)
        page[:40] = pages.MARK + head.pack()
        self.pages[self.seq] = page
        self.head_crc = head.crc
        self.end = pages.HEADER_SIZE


def landed(root: Path) -> Landed:
    return land(Archive(root).epoch(NODE, EPOCH), root)


def node(count: int = 1500, unix_ms: int = NIGHT) -> Node:
    """A log that begins on the last of February 2026, one record a minute."""
    fake = Node()
    fake.clock(unix_ms)
    fake.add(count)
    return fake
