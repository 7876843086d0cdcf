# SPDX-License-Identifier: MIT
"""The record chunks of one page, in order (FORMAT.md 4, 4a): place and models go on from chunk to
chunk, and are lost where a chunk is.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tirta.log import records
from tirta.log.records import Records
from tirta.log.unpack import MAX_COUNT, Unpacker
from tirta_format import page as format_page
from tirta_format import page_chunks, record_reader, varint

Chunk = tuple[int, int, int]  # kind, where its payload begins, length

_PLAIN = (format_page.RECORDS, format_page.RECORDS_AT)
_SUMMED = (format_page.SUMMED, format_page.SUMMED_AT)
KINDS = (*_PLAIN, format_page.PACKED, format_page.PACKED_AT, *_SUMMED)
_PLACED = (format_page.RECORDS_AT, format_page.PACKED_AT, format_page.SUMMED_AT)
_LIMIT = 1 << 32  # of boots, numbers and slots


class PageRecords:
    """Gives out nothing of a chunk that is not right to its end."""

    def __init__(self, head: Any, config: dict[str, Any], fast: bool | None = None) -> None:
        """`head` is the page's header, `config` the one that it names; `fast` as in Unpacker."""
        self._of = head.seq, config, head.config_hash
        self._fast = fast
        self._version: int = head.version
        self.boot: int = head.boot
        self._number: int = head.number
        self._slot: int = head.slot
        self._decoder: Any = record_reader.Decoder(head.channels)
        self._unpacker: Unpacker | None = None
        self._channels: int = head.channels
        # What the next chunk may go on from.
        self._plain_known = self._packed_known = True
        self._found: list[Records] = []

    @property
    def count(self) -> int:
        """How many records there are so far."""
        return sum(map(len, self._found))

    def lose(self) -> None:
        """Take note that a chunk is damaged: only a placed one says where its records belong."""
        self._plain_known = self._packed_known = False

    def knows(self, kind: int) -> bool:
        """Return whether a chunk of this kind holds records."""
        return kind in KINDS and (self._version > format_page.OLDEST or kind not in _SUMMED)

    def can_read(self, kind: int) -> bool:
        """Return whether enough is known for a chunk of this kind."""
        return kind in _PLACED or (self._plain_known if kind in _PLAIN else self._packed_known)

    def take(self, kind: int, payload: bytes) -> None:
        """Read a chunk. Raises ValueError when it is malformed; then what follows is lost, too."""
        try:
            at = self._place(payload) if kind in _PLACED else 0
            if kind in _PLAIN:
                found = self._plain(payload[at:], kind in _PLACED)
                self._plain_known = True
            else:
                found = self._packed(payload, at, kind in _PLACED, kind in _SUMMED)
                self._packed_known = True
        except ValueError:
            self.lose()
            raise
        if len(found):
            if max(int(found.number[-1]), int(found.slot.max())) >= _LIMIT:
                self.lose()
                raise ValueError("its numbers or slots are beyond any log")
            self._number = int(found.number[-1]) + 1
            self._slot = int(found.slot[-1]) + 1
            self._found.append(found)

    def take_together(self, data: bytes, chunks: Sequence[Chunk]) -> bool:
        """Read all record chunks (kind, begin, length) of a page at once, where all are compressed
        and each goes on from the one before; return whether they were read. Where not, for one of
        them is malformed, too, nothing is: `take` reads one by one, and says which.
        """
        runs = []
        for kind, begin, n in chunks:
            if kind in _PLAIN or kind in _PLACED or kind == page_chunks.DAMAGED:
                return False
            if self.knows(kind):
                try:
                    count, at = self._head(data[begin : begin + n], 0, kind in _SUMMED)
                except ValueError:
                    return False
                runs.append((begin + at, begin + n, count))
        if not runs:
            return False
        self._unpacker = Unpacker(self._channels, self._fast, self._version)
        try:
            found = self._of_unpacked(*self._unpacker.page(data, runs))
        except ValueError:
            self._unpacker = None
            return False
        if max(int(found.number[-1]), int(found.slot.max())) >= _LIMIT:
            self._unpacker = None
            return False
        self._found.append(found)
        return True

    def joined(self) -> Records:
        """Join all records so far; there is at least one."""
        return records.joined(self._found)

    def _place(self, payload: bytes) -> int:
        at = 0
        place = []
        for _ in range(3):
            n, at = varint.get(payload, at, len(payload))
            if n >= _LIMIT:
                raise ValueError("its place is beyond any log")
            place.append(n)
        self.boot, self._number, self._slot = place
        return at

    def _plain(self, payload: bytes, fresh: bool) -> Records:
        decoder = self._decoder
        if fresh:
            decoder.restart(self.boot, self._number, self._slot)
        decoder.number, decoder.slot = self._number, self._slot
        numbers, slots, values, flags = [], [], [], []
        for number, slot, row, row_flags in decoder.records(payload, False):
            if slot >= _LIMIT:
                raise ValueError("a slot is beyond any log")
            numbers.append(number)
            slots.append(slot)
            values.append(list(row))
            flags.append(bytes(row_flags))
        shape = (len(numbers), self._channels)
        return Records(
            *self._of,
            np.array(numbers, np.int64),
            np.full(len(numbers), self.boot, np.int64),
            np.array(slots, np.int64),
            np.array(values, np.int32).reshape(shape),
            np.frombuffer(b"".join(flags), np.uint8).reshape(shape),
        )

    def _count(self, payload: bytes, at: int, summed: bool) -> tuple[int, bool]:
        """Number of records, and whether sums follow."""
        if at >= len(payload):
            raise ValueError("it ends before its records")
        count = payload[at]
        if self._version == format_page.OLDEST:
            return count & format_page.MOST_OLDEST, count >= format_page.SUMS_OLDEST
        return count, summed

    def _head(self, payload: bytes, at: int, summed: bool) -> tuple[int, int]:
        """Number of records, and where the run begins."""
        count, summed = self._count(payload, at, summed)
        return count, _after_sums(payload, at + 1) if summed else at + 1

    def _packed(self, payload: bytes, at: int, fresh: bool, summed: bool) -> Records:
        count, at = self._head(payload, at, summed)
        if self._unpacker is None:
            self._unpacker = Unpacker(self._channels, self._fast, self._version)
        elif fresh:
            self._unpacker.fresh()
        return self._of_unpacked(*self._unpacker.run(payload[at:], count))

    def _of_unpacked(
        self, slips: records.Ints, values: NDArray[np.int32], flags: NDArray[np.uint8]
    ) -> Records:
        steps = np.arange(len(slips))
        return Records(
            *self._of,
            self._number + steps,
            np.full(len(slips), self.boot, np.int64),
            self._slot + steps + np.cumsum(slips),
            values,
            flags,
        )


class PageNumbers(PageRecords):
    """The numbers alone: nothing is unpacked, so a page costs little more than its CRCs."""

    def take_together(self, data: bytes, chunks: Sequence[Chunk]) -> bool:
        """Leave them to `take`."""
        return False

    def _packed(self, payload: bytes, at: int, fresh: bool, summed: bool) -> Records:
        count, _ = self._count(payload, at, summed)
        if not count:
            raise ValueError(f"1 to {MAX_COUNT} records")
        nothing = np.zeros(count, np.int64)
        numbers = self._number + np.arange(count)
        none = np.zeros((count, self._channels), np.uint8)
        return Records(*self._of, numbers, nothing, nothing, none.astype(np.int32), none)


def _after_sums(payload: bytes, at: int) -> int:
    """The index behind the sums: they are for a node that starts."""
    if at >= len(payload):
        raise ValueError("its sums are cut off")
    count, at = payload[at], at + 1
    for _ in range(count):
        _, at = varint.get(payload, at + 1, len(payload))
    return at
