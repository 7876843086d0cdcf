# SPDX-License-Identifier: MIT
"""A second reader of the log, written from FORMAT.md alone; it imports nothing of Tirta.

It is the oracle of the storage tests: where it and the product disagree, one of them (or the page
they were written from) is wrong. Slow and plain on purpose; each step names its section.
"""

import zlib
from dataclasses import dataclass, field
from typing import Any

from format_runs import MalformedError, Models

PAGE_BYTES = 4096
HEADER_BYTES = 40
RECORDS_FOLLOW, RECORDS_PLACED, META, PACKED_FOLLOW, PACKED_PLACED = 1, 2, 3, 4, 5
SUMMED_FOLLOW, SUMMED_PLACED = 6, 7  # in version 2
LIMIT = 1 << 32  # of boots, numbers and slots
FLAGS = {1, 2, 3, 4, 9}
MISSING = 9


class BadChunkError(Exception):
    """A chunk whose CRC is right and whose content breaks FORMAT.md all the same."""


@dataclass(frozen=True)
class Record:
    epoch: int
    boot: int
    number: int
    slot: int
    values: tuple[int | None, ...]
    flags: tuple[int, ...]
    config: int


@dataclass(frozen=True)
class Meta:
    epoch: int
    boot: int | None
    uptime_ms: int
    type: int
    fields: dict[str, Any]


@dataclass(frozen=True)
class Damage:
    page: int
    offset: int
    what: str


@dataclass(frozen=True)
class Header:
    index: int
    channels: int
    sequence: int
    epoch: int
    number: int
    slot: int
    boot: int
    config: int
    unix_ms: int
    clock_source: int
    uncertainty: int
    crc: int
    version: int


@dataclass
class Log:
    pages: list[Header] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    metas: list[Meta] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)

    @property
    def epoch(self) -> int | None:
        return self.pages[-1].epoch if self.pages else None

    def of(self, meta_type: int) -> list[Meta]:
        return [meta for meta in self.metas if meta.type == meta_type]


class Cursor:
    """Reads the notations of section 1 from a payload."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    @property
    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, n: int) -> bytes:
        if n > self.left:
            raise BadChunkError("the payload ends inside a field")
        self.at += n
        return self.data[self.at - n : self.at]

    def unsigned(self, n: int) -> int:
        return int.from_bytes(self.take(n), "little")

    def varint(self) -> int:
        value = 0
        for group in range(10):
            byte = self.unsigned(1)
            value |= (byte & 0x7F) << (7 * group)
            if byte < 0x80:
                return value
        raise BadChunkError("a varint of more than 10 bytes")

    def zigzag(self) -> int:
        n = self.varint()
        return n // 2 if n % 2 == 0 else -(n + 1) // 2

    def text(self) -> str:
        try:
            return self.take(self.varint()).decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadChunkError("a text that is not UTF-8") from error


def read_header(index: int, page: bytes) -> Header | None:
    """Section 2. None where the page holds nothing."""
    cursor = Cursor(page[:HEADER_BYTES])
    mark, version, channels = cursor.unsigned(2), cursor.unsigned(1), cursor.unsigned(1)
    words = [cursor.unsigned(4) for _ in range(7)]
    milliseconds, source, uncertainty = cursor.unsigned(2), cursor.unsigned(1), cursor.unsigned(1)
    crc = cursor.unsigned(4)
    if mark != 0x7254 or version not in (1, 2) or crc != zlib.crc32(page[2:36]):
        return None
    if not 1 <= channels <= 32:
        return None
    sequence, epoch, number, slot, boot, config, unix_s = words
    unix_ms = unix_s * 1000 + milliseconds if unix_s else 0
    return Header(
        index,
        channels,
        sequence,
        epoch,
        number,
        slot,
        boot,
        config,
        unix_ms,
        source,
        uncertainty,
        crc,
        version,
    )


def chunk_at(page: bytes, offset: int, header_crc: int) -> tuple[int, bytes] | None:
    """The kind and payload of the chunk at `offset` (section 3); None where none is valid."""
    if offset + 6 > len(page):
        return None
    head = int.from_bytes(page[offset : offset + 2], "little")
    n, kind = head & 0xFFF, head >> 12
    end = offset + 2 + n
    if end + 4 > len(page) or kind in (0, 15):
        return None
    if int.from_bytes(page[end : end + 4], "little") != zlib.crc32(page[offset:end], header_crc):
        return None
    return kind, page[offset + 2 : end]


class PageReader:
    """Walks the chunks of one page, with the state that records of kinds 1 and 4 go on from."""

    def __init__(self, log: Log, header: Header, page: bytes, boot_known: int | None) -> None:
        self.log = log
        self.header = header
        self.page = page
        self.boot = header.boot
        self.meta_boot: int | None = boot_known
        self.number = header.number
        self.slot = header.slot
        self.values = [0] * header.channels
        self.flags = [1] * header.channels
        self.models = Models(header.channels, header.version)
        self.plain_known = self.packed_known = True

    def read(self) -> None:
        offset = HEADER_BYTES
        while offset < PAGE_BYTES:
            if not self.page[offset:].strip(b"\xff"):
                return
            found = chunk_at(self.page, offset, self.header.crc)
            if found is None:
                offset = self.skip(offset)
                continue
            kind, payload = found
            try:
                self.chunk(kind, payload)
            except BadChunkError as error:
                self.damaged(offset, str(error))
            offset += 6 + len(payload)

    def skip(self, offset: int) -> int:
        later = offset // 16 * 16 + 16
        while later < PAGE_BYTES and chunk_at(self.page, later, self.header.crc) is None:
            later += 16
        if self.page[offset:later].strip(b"\xff"):
            self.damaged(offset, "no valid chunk")
        return later

    def damaged(self, offset: int, what: str) -> None:
        self.plain_known = self.packed_known = False
        self.meta_boot = None
        self.log.damage.append(Damage(self.header.index, offset, what))

    def chunk(self, kind: int, payload: bytes) -> None:
        cursor = Cursor(payload)
        if kind == META:
            self.meta(cursor)
        elif kind == RECORDS_PLACED:
            self.place(cursor)
            self.values = [0] * self.header.channels
            self.flags = [1] * self.header.channels
            self.plain_known = True
            self.records(cursor)
        elif kind == PACKED_PLACED or (kind == SUMMED_PLACED and self.header.version > 1):
            self.place(cursor)
            self.models = Models(self.header.channels, self.header.version)
            self.packed_known = True
            self.packed(cursor, kind == SUMMED_PLACED)
        elif kind == RECORDS_FOLLOW and self.plain_known:
            self.records(cursor)
        elif kind == PACKED_FOLLOW and self.packed_known:
            self.packed(cursor, summed=False)
        elif kind == SUMMED_FOLLOW and self.header.version > 1 and self.packed_known:
            self.packed(cursor, summed=True)

    def place(self, cursor: Cursor) -> None:
        self.boot, self.number, self.slot = cursor.varint(), cursor.varint(), cursor.varint()
        if max(self.boot, self.number, self.slot) >= LIMIT:
            raise BadChunkError("a place beyond any log")
        self.meta_boot = self.boot

    def packed(self, cursor: Cursor, summed: bool) -> None:
        """Section 4a. Nothing of a malformed chunk is given out."""
        count = cursor.unsigned(1)
        if self.header.version == 1:
            summed, count = count > 127, count % 128
        if count == 0:
            raise BadChunkError("a chunk of no records")
        for _ in range(cursor.unsigned(1) if summed else 0):
            cursor.unsigned(1)
            cursor.zigzag()
        try:
            run = self.models.run(cursor.take(cursor.left), count)
        except MalformedError as error:
            raise BadChunkError(str(error)) from error
        found = []
        for slip, values, flags in run:
            self.slot += slip
            signed = [v if v is None or v < 1 << 31 else v - (1 << 32) for v in values]
            found.append(self.give(signed, flags))
        self.log.records += found

    def give(self, values: list[int | None], flags: list[int]) -> Record:
        """The next record."""
        if max(self.number, self.slot) >= LIMIT:
            raise BadChunkError("a number or a slot beyond any log")
        head = self.header
        place = (head.epoch, self.boot, self.number, self.slot)
        self.number += 1
        self.slot += 1
        return Record(*place, tuple(values), tuple(flags), head.config)

    def records(self, cursor: Cursor) -> None:
        """Section 4. Nothing of a chunk is given out unless all of it can be read."""
        found = []
        while cursor.left:
            head = cursor.unsigned(1)
            if head & ~3:
                raise BadChunkError("a record head with unknown bits")
            if head & 1:
                gap = cursor.varint()
                if gap < 1:
                    raise BadChunkError("a gap of 0 slots")
                self.slot += gap
            if head & 2:
                self.read_flags(cursor)
            shown: list[int | None] = []
            for channel, flag in enumerate(self.flags):
                if flag == MISSING:
                    shown.append(None)
                    continue
                value = (self.values[channel] + cursor.zigzag()) & 0xFFFFFFFF
                value -= (value & 0x80000000) * 2
                self.values[channel] = value
                shown.append(value)
            found.append(self.give(shown, self.flags))
        self.log.records += found

    def read_flags(self, cursor: Cursor) -> None:
        channels = self.header.channels
        packed = cursor.take((channels + 1) // 2)
        self.flags = [packed[i // 2] >> 4 * (i % 2) & 15 for i in range(channels)]
        if not set(self.flags) <= FLAGS:
            raise BadChunkError("a flag that no code names")

    def meta(self, cursor: Cursor) -> None:
        """Section 5."""
        kind, uptime_ms = cursor.unsigned(1), cursor.varint()
        fields: dict[str, Any] = {}
        if kind == 1:
            fields["boot"] = self.meta_boot = cursor.varint()
            fields["cause"] = cursor.unsigned(1)
            fields["firmware"], fields["board"] = cursor.text(), cursor.text()
        elif kind == 2:
            fields["unix_ms"] = cursor.varint()
            fields["source"] = cursor.unsigned(1)
            fields["uncertainty_ms"] = cursor.varint()
        elif kind == 3:
            fields["hash"] = cursor.unsigned(4)
            fields["whole"], fields["offset"] = cursor.varint(), cursor.varint()
            fields["part"] = cursor.take(cursor.left)
        elif kind == 4:
            fields["reason"] = cursor.unsigned(1)
            fields["number"] = cursor.varint()
            fields["lost"] = cursor.varint()
            fields["duration_ms"] = cursor.varint()
        elif kind == 5:
            fields["pulled"], fields["lost"] = cursor.varint(), cursor.varint()
            fields["totals"] = {cursor.text(): cursor.varint() for _ in range(cursor.unsigned(1))}
        elif kind == 6:
            fields["reason"] = cursor.unsigned(1)
        else:
            fields["unknown"] = cursor.take(cursor.left)
        if cursor.left:
            raise BadChunkError("bytes after the last field of a meta record")
        self.log.metas.append(Meta(self.header.epoch, self.meta_boot, uptime_ms, kind, fields))


def read_log(image: bytes) -> Log:
    """Decode the bytes of a `log` partition, in the order of the page sequences."""
    log = Log()
    found: dict[tuple[int, int], Header] = {}
    for index in range(len(image) // PAGE_BYTES):
        page = image[index * PAGE_BYTES : (index + 1) * PAGE_BYTES]
        header = read_header(index, page)
        if header is None:
            waits = page[:2] == b"Tr" and not page[2:].strip(b"\xff")
            if not waits and page.strip(b"\xff"):
                log.damage.append(Damage(index, 0, "no valid header"))
            continue
        if (header.epoch, header.sequence) in found:
            log.damage.append(Damage(index, 0, "second page with this epoch and sequence"))
            continue
        found[header.epoch, header.sequence] = header
    log.pages = sorted(found.values(), key=lambda header: header.sequence)
    for header in log.pages:
        start = header.index * PAGE_BYTES
        PageReader(log, header, image[start : start + PAGE_BYTES], header.boot).read()
    return log


def configs(log: Log) -> dict[int, bytes]:
    """The config texts that the log holds whole, by hash (sections 5 and 8)."""
    parts: dict[int, dict[int, bytes]] = {}
    whole: dict[int, int] = {}
    for meta in log.of(3):
        parts.setdefault(meta.fields["hash"], {})[meta.fields["offset"]] = meta.fields["part"]
        whole[meta.fields["hash"]] = meta.fields["whole"]
    texts = {}
    for key, pieces in parts.items():
        text = b""
        while len(text) in pieces and pieces[len(text)]:
            text += pieces[len(text)]
        if len(text) == whole[key]:
            texts[key] = text
    return texts
