# SPDX-License-Identifier: MIT
"""Reads flash images with `format_reader` as fast as a million of them need: no page, and no
beginning of a page, is read twice. What it gives is what `format_reader` gives.
"""

import pickle
from dataclasses import dataclass

import format_reader
from format_reader import HEADER_BYTES, PAGE_BYTES, Damage, Header, Log, Meta, Record

LOG_MARK = b"Tr"
JOURNAL_MARK = b"Tj"
_MOST = 4000
_KEPT_APART = {"log", "page", "header"}


@dataclass(frozen=True)
class Page:
    """One page, read; `header` is None where it holds nothing."""

    data: bytes
    header: Header | None
    records: list[Record]
    metas: list[Meta]
    damage: list[Damage]


class PrefixReader(format_reader.PageReader):
    """Goes on where another page with the same beginning was read before."""

    def read_with(self, known: "dict[bytes, tuple[bytes, Log]]") -> None:
        """As `read`."""
        offset = HEADER_BYTES
        ends = []
        while found := format_reader.chunk_at(self.page, offset, self.header.crc):
            offset += 6 + len(found[1])
            ends.append(offset)
        offset = HEADER_BYTES
        for end in reversed(ends):
            if self.page[:end] in known:
                state, log = known[self.page[:end]]
                self.__dict__.update(pickle.loads(state))
                self.log.records += log.records
                self.log.metas += log.metas
                self.log.damage += log.damage
                offset = end
                break
        while offset < PAGE_BYTES and self.page[offset:].strip(b"\xff"):
            found = format_reader.chunk_at(self.page, offset, self.header.crc)
            if found is None:
                offset = self.skip(offset)
                continue
            try:
                self.chunk(*found)
            except format_reader.BadChunkError as error:
                self.damaged(offset, str(error))
            offset += 6 + len(found[1])
            if offset in ends:
                self._remember(known, offset)

    def _remember(self, known: "dict[bytes, tuple[bytes, Log]]", end: int) -> None:
        state = {k: v for k, v in self.__dict__.items() if k not in _KEPT_APART}
        if len(known) > _MOST:
            known.clear()
        log = Log(
            records=list(self.log.records), metas=list(self.log.metas), damage=list(self.log.damage)
        )
        known[self.page[:end]] = pickle.dumps(state), log


class Pages:
    """Reads pages and images."""

    def __init__(self) -> None:
        self._pages: dict[bytes, Page] = {}
        self._beginnings: dict[bytes, tuple[bytes, Log]] = {}

    def page(self, data: bytes, mark: bytes) -> Page:
        """A page of the ring that has this mark. The two rings differ in nothing else."""
        if data[:2] != mark:
            return Page(data, None, [], [], [])
        if data not in self._pages:
            if len(self._pages) > _MOST:
                self._pages.clear()
            self._pages[data] = self._read(data)
        return self._pages[data]

    def _read(self, data: bytes) -> Page:
        page = LOG_MARK + data[2:]
        header = format_reader.read_header(0, page)
        log = Log()
        if header is not None:
            reader = PrefixReader(log, header, page, header.boot)
            reader.read_with(self._beginnings)
        return Page(data, header, log.records, log.metas, log.damage)
