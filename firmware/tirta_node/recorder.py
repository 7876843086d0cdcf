# SPDX-License-Identifier: MIT
"""From ring to flash: compresses records into a chunk, and has the journal keep them meanwhile.

A record is *acknowledged* when it lies in the journal or in the log. It stays in the ring until its
chunk is in the log, so that a page that fails costs nothing. `coded` records of the ring are in the
chunk under construction, `kept` are in the journal.
"""

from micropython import const

from tirta_format import page as pages
from tirta_format import varint
from tirta_format.record import MISSING
from tirta_node.packer import HEAD, LAST, NO, Packer

MOST = 60  # records in a chunk
_LEAST_ROOM = const(24)  # a page with less is left as it is
_PLACE_BYTES = const(15)
_SUM_BYTES = const(7)
_SUMS = const(0x80)


class Recorder:
    """Owns what lies in `ring`, and when it goes to `journal` and `log`."""

    def __init__(self, ring, journal, log):
        self._ring = ring
        self._journal = journal
        self._log = log
        self._packer = Packer(ring.channels)
        self._most = min(MOST, ring.capacity - 4)
        self._kind = pages.PACKED_AT
        self._page = -1  # sequence of the page whose records the models know
        self._next = -1  # number of the record that a decoder expects behind them
        self._channels = sorted(log.counted)
        self._names = [log.counted[channel] for channel in self._channels]
        self._places = [0] * len(self._names)
        self._sums = [0] * len(self._names)
        self._front = 2 + _SUM_BYTES * len(self._names) if self._names else 1
        self._head = bytearray(_PLACE_BYTES + self._front)
        self.coded = 0
        self.kept = 0
        log.slot = ring.first_slot()
        log.before_note = self.flush

    def number(self):
        """Number of the next record to be acknowledged."""
        return self._log.number + self.kept

    def waiting(self):
        """Records that are not acknowledged yet."""
        return self._ring.count - self.kept

    def encode(self):
        """Compress what came; write the chunk when it is full. Raises OSError when the flash
        refuses.
        """
        ring = self._ring
        while self.coded < ring.count:
            if self.coded == 0 and not self._begin():
                self._open_page()
                continue
            done = self._packer.add(ring.records, ring.at(self.coded))
            if done == NO:
                if self.coded == 0 or not self._write():
                    self._open_page()
                continue
            self.coded += 1
            if done == LAST and not self._write():
                self._open_page()

    def commit(self):
        """Make every record of the ring durable: in the journal, or in the log when the journal
        takes none. Raises OSError when the flash refuses.
        """
        if self.waiting() and not self._journal.problem:
            try:
                self._journal.append(self._ring, self.kept, self.number())
                self.kept = self._ring.count
            except OSError:
                pass  # `problem` says it
        if self.waiting():
            self.settle()

    def flush(self):
        """Write the chunk under construction as it is, so that the log has all that was coded."""
        while self.coded and not self._write():
            self._open_page()
            self.encode()

    def settle(self):
        """Bring every record of the ring into the log. Raises OSError when the flash refuses."""
        self.encode()
        self.flush()

    def _begin(self):
        """Start a chunk; False when the page has no room worth it."""
        ring = self._ring
        log = self._log
        log.slot = ring.first_slot()
        room = log.room()
        if room < _LEAST_ROOM + len(self._head):
            return False
        room -= self._front
        self._kind = pages.PACKED
        if self._page != log.seq or self._next != log.number:
            self._packer.page()
            ring.begin_at(0)
            self._page = log.seq
            totals = sorted(log.totals)
            for i, name in enumerate(self._names):
                self._places[i] = totals.index(name)
            if log.page_slot != log.slot:
                self._kind = pages.PACKED_AT
                room -= _PLACE_BYTES
        self._packer.begin(room, self._most)
        return True

    def _write(self):
        """Finish the chunk and write it; False when the page did not take it."""
        log = self._log
        packer = self._packer
        n = self.coded
        self.coded = 0
        end = HEAD + packer.finish()
        self._add_up(n)
        start = self._put_head(n)
        chunk = packer.chunk
        length = end - start - 2
        chunk[start] = length & 255
        chunk[start + 1] = length >> 8 | self._kind << 4
        packer.crc(start, end, log.crc_low(), log.crc_high())
        if not log.append(chunk, start, end + 4):
            self._page = -1
            return False
        for i, name in enumerate(self._names):
            log.totals[name] += self._sums[i]
        log.number += n
        self._next = log.number
        self._ring.drop(n)
        self.kept = max(0, self.kept - n)
        log.slot = self._ring.first_slot()
        return True

    def _add_up(self, n):
        ring = self._ring
        for j in range(len(self._sums)):
            channel = self._channels[j]
            total = 0
            for i in range(n):
                if ring.flag(i, channel) != MISSING:
                    total += ring.value(i, channel)
            self._sums[j] = total

    def _put_head(self, n):
        """Write what stands before the compressed run; return where the chunk starts."""
        head = self._head
        at = 0
        if self._kind == pages.PACKED_AT:
            at = varint.put(head, at, self._log.boot)
            at = varint.put(head, at, self._log.number)
            at = varint.put(head, at, self._log.slot)
        head[at] = n
        at += 1
        if self._sums:
            head[at - 1] |= _SUMS
            head[at] = len(self._sums)
            at += 1
            for j in range(len(self._sums)):
                head[at] = self._places[j]
                at = varint.put(head, at + 1, _fold(self._sums[j]))
        chunk = self._packer.chunk
        for i in range(at):
            chunk[HEAD - at + i] = head[i]
        return HEAD - at - 2

    def _open_page(self):
        self._log.slot = self._ring.first_slot()
        self._log.open_page()


def _fold(n):
    """zigzag without its wrap at 32 bits: a sum of sixty values may be larger."""
    return n << 1 if n >= 0 else -n * 2 - 1
