# SPDX-License-Identifier: MIT
"""From ring to flash: compresses records into a chunk, and has the journal keep them meanwhile.

A record is *acknowledged* when it lies in the journal or in the log. It stays in the ring until its
chunk is in the log, so that a page that fails costs nothing. `coded` records of the ring are in the
chunk under construction, `kept` are in the journal.
"""

from micropython import const

from tirta_format import page as pages
from tirta_format import varint
from tirta_node import unload
from tirta_node.storage.packer import COUNT, HEAD, IN, NO
from tirta_node.storage.page_ring import NO_DOUBT
from tirta_node.storage.ring import USED

_BATCH = const(16)  # a call to the packer costs as much as a record
_LEAST_ROOM = const(24)  # a page with less is left as it is
_PLACE_BYTES = const(15)
_SUM_BYTES = const(7)
_NO_SLOTS = "the slots of this boot are used up: restart the node"


class ChunkWriter:
    """Owns what lies in `ring`, and when it goes to `journal` and `log`."""

    def __init__(self, ring, journal, log, packer, wake, batch=0):
        """A commit is a chunk of `batch` records; 0: chunks are as long as the ring allows, and the
        journal keeps their records meanwhile. Calls `wake()` when something may be due.
        """
        self._ring = ring
        self._journal = journal
        self._log = log
        self._packer = packer
        self._wake = wake
        self._state = ring.state
        self._most = ring.capacity - 4
        if batch:
            self._most = min(batch, self._most)
        self._kind = pages.PACKED_AT
        self._oldest = False  # the page is of version 1
        self._page = -1  # sequence of the page whose records the models know
        self._next = -1  # number of the record that a decoder expects behind them
        self._channels = sorted(log.counted)
        self._names = [log.counted[channel] for channel in self._channels]
        self._places = [0] * len(self._names)
        self._sums = [0] * len(self._names)
        self._front = 2 + _SUM_BYTES * len(self._names) if self._names else 1
        self._head = bytearray(_PLACE_BYTES + self._front)
        self._least = _LEAST_ROOM + len(self._head)
        self.coded = 0
        self.kept = 0
        self.due = min(_BATCH, self._most)  # `encode` when so many records are in the ring
        self._opening = False
        self._behind = 0  # slot of the last record that was written
        self._doubt = NO_DOUBT  # a chunk that did not read back,
        self._doubtful = 0  # and its records
        self.notes = None  # writes what the log is to say of this boot before its first record
        log.slot = ring.first_slot()
        log.before_note = self._before_note

    def number(self):
        """Number of the next record to be acknowledged."""
        return self._log.number + self.kept

    def waiting(self):
        """Records that are not acknowledged yet."""
        return self._ring.count() - self.kept

    def begin_boot(self):
        """Write the notes of this boot, if that is still to be done. Raises OSError when the flash
        refuses: then it is tried again.
        """
        if self.notes and not self._opening:
            log = self._log
            log.slot = self._ring.first_slot()
            self._opening = True
            try:
                unload.call("tirta_node.storage.log_start", "begin", log)
                self.notes()
                self.notes = None
            finally:
                self._opening = False

    def encode(self):
        """Compress what came; write each chunk that is full. Raises OSError when the flash refuses.

        60 records of 8 channels at once, the most there can be, take about 60 * 8 * 1,000
        instructions: 2 ms at 240 MHz. Usually it is _BATCH of them, half a millisecond.
        """
        if self.notes:
            self.begin_boot()
        if self._slots_end(self._state[USED]):
            raise OSError(_NO_SLOTS)
        if self._doubt is not NO_DOUBT:
            self._recheck()
        packed = self._packer.state
        while self.coded < self._state[USED]:
            if self.coded == 0 and not self._begin():
                self._open_page()
                continue
            done = self._packer.add()
            self.coded = packed[COUNT]
            if done == IN:
                break
            # The chunk is full: with the last record, or because the next does not fit.
            if done == NO:
                self._page = -1  # its models are spoilt, and no other page may open for hours
            if (done == NO and self.coded == 0) or not self._write():
                self._open_page()
        self.due = min(self.coded + _BATCH, self._most)

    def commit(self):
        """Make every record of the ring durable: in the journal, or in the log when the journal
        takes none. Raises OSError when the flash refuses.
        """
        self.begin_boot()
        if not self.keep():
            self.settle()

    def keep(self):
        """Have the journal keep every record of the ring; whether it does."""
        if self.notes:
            return False
        count = self._state[USED]
        if count > self.kept:
            if self._slots_end(count):
                return False  # `encode` says why
            kept = self.kept
            if not self._journal.append(self._ring, kept, count, self._log.number + kept):
                return False  # its `problem` says why
            self.kept = count
        return True

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
        log = self._log
        log.slot = self._ring.first_slot()
        room = log.ring.room()
        if room < self._least:
            return False
        self._kind = pages.PACKED
        shaky = log.ring.shaky
        if self._page != log.seq or self._next != log.number or shaky:
            log.ring.shaky = False
            self._begin_page(log)
            if log.page_slot != log.slot or shaky:
                self._kind = pages.PACKED_AT
                room -= _PLACE_BYTES
        most = min(self._most, pages.MOST_OLDEST) if self._oldest else self._most
        self._packer.begin(room - self._front, most)
        return True

    def _begin_page(self, log):
        self._oldest = log.page_version == pages.OLDEST
        self._packer.page(log.ring.crc_low, log.ring.crc_high, 0 if self._oldest else 1)
        self._ring.begin_page()
        self._page = log.seq
        totals = sorted(log.totals)
        for i, name in enumerate(self._names):
            self._places[i] = totals.index(name)

    def _write(self):
        """Finish the chunk and write it; False when the page did not take it."""
        n = self.coded
        self.coded = 0
        log = self._log
        packer = self._packer
        end = HEAD + packer.finish()
        start = self._put_head(n, end)
        packer.crc(start, end)
        if not log.append(packer.chunk, start, end + 4):
            self._page = -1
            self._doubt = log.ring.doubt
            self._doubtful = n
            return False
        self._written(n)
        return True

    def _slots_end(self, count):
        """Whether those of the ring's records have come to their end, and begin anew."""
        ring = self._ring
        first = ring.first_slot()
        return first < self._behind or (count > 0 and ring.slot(count - 1) < first)

    def _written(self, n):
        """The `n` oldest records of the ring are in the log."""
        log = self._log
        self._behind = self._ring.slot(n - 1)
        self._doubt = NO_DOUBT
        for i in range(len(self._sums)):
            log.totals[self._names[i]] += self._sums[i]
        log.number += n
        self._next = log.number
        self._ring.drop(n)
        self._wake()
        self.kept = self.kept - n if self.kept > n else 0
        log.slot = self._ring.first_slot()

    def _recheck(self):
        """A chunk that did not read back may do so now: then its records are not written twice."""
        if not self._log.ring.recheck(self._doubt):
            return False
        self._written(self._doubtful)
        return True

    def _put_head(self, n, end):
        """Write what stands before the compressed run; return where the chunk starts."""
        start = HEAD - 3
        chunk = self._packer.chunk
        chunk[HEAD - 1] = n
        if self._sums or self._kind != pages.PACKED:
            start = self._put_more(n)
        n = end - start - 2
        chunk[start] = n & 255
        chunk[start + 1] = n >> 8 | self._kind << 4
        return start

    def _put_more(self, n):
        """Place and sums."""
        head = self._head
        at = 0
        if self._kind == pages.PACKED_AT:
            at = varint.put(head, at, self._log.boot)
            at = varint.put(head, at, self._log.number)
            at = varint.put(head, at, self._log.slot)
        head[at] = n
        at += 1
        if self._sums:
            if self._oldest:
                head[at - 1] |= pages.SUMS_OLDEST
            else:
                self._kind += pages.SUMMED - pages.PACKED
            at = self._put_sums(head, at, n)
        self._packer.chunk[HEAD - at : HEAD] = memoryview(head)[:at]
        return HEAD - at - 2

    def _put_sums(self, head, at, n):
        sums = self._sums
        head[at] = len(sums)
        at += 1
        for j in range(len(sums)):
            sums[j] = self._ring.total(n, self._channels[j])
            head[at] = self._places[j]
            at = varint.put(head, at + 1, _fold(sums[j]))
        return at

    def _open_page(self):
        if self._recheck():
            return
        self._log.slot = self._ring.first_slot()
        self._opening = True
        try:
            self._log.open_page()
        finally:
            self._opening = False

    def _before_note(self):
        """A note comes: the records before it go before it."""
        self._wake()  # it may take the page that was ready
        if not self._opening:  # a page being opened takes notes first
            self.settle()


def _fold(n):
    """zigzag without its wrap at 32 bits: a sum of sixty values may be larger."""
    return n << 1 if n >= 0 else -n * 2 - 1
