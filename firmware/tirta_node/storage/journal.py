# SPDX-License-Identifier: MIT
"""The journal: records that must be durable before their chunk of the log is complete.

It has a small ring of pages of its own (FORMAT.md section 3.1). What lies in it is needed only
until the log has the same records; no page that holds such a record is erased. Each chunk stands
alone: damage to one costs no other.
"""

from micropython import const

from tirta_format import page as pages
from tirta_format import varint
from tirta_node.storage.page_index import Index
from tirta_node.storage.page_ring import PageRing

_CHUNK_BYTES = const(256)
_KIND = pages.RECORDS_AT << 4  # no chunk here has 256 bytes
_NO_PAGE = "no page of the journal can be written: the flash is worn out or damaged"


class Journal:
    """Plain records, kept with the number that the log will give them."""

    def __init__(self, flash, log, channels, attempts, clock, packer):
        self.flash = flash
        self.index = Index(flash, pages.MARK_JOURNAL)
        self._log = log
        self.ring = PageRing(self.index, pages.MARK_JOURNAL, attempts, clock, _NO_PAGE)
        self.seq = 0
        self._chunk = bytearray(_CHUNK_BYTES)
        self._packer = packer
        self._taken = 0
        self.end = 0  # behind the last record that it took since a start
        # The most that a chunk of one record takes: overhead, place, head, flags, values.
        self._bound = pages.CHUNK_OVERHEAD + 15 + 1 + (channels + 1) // 2 + 5 * channels
        self.problem = ""  # why it took nothing the last time

    def append(self, ring, first, count, number):
        """Keep the records of the ring from the `first`-th oldest on, which has this number, to the
        `count`-th. Whether they are kept; if not, `problem` says why.
        """
        try:
            while first < count:
                end = self._encode(ring, first, count, number)
                if end and self.ring.append(self._chunk, 0, end):
                    number += self._taken
                    first += self._taken
                    self.end = number
                else:
                    self._open_page(ring.slot(first), number)
        except OSError as error:
            self.problem = str(error)
            return False
        self.problem = ""
        return True

    def is_ahead(self):
        """Whether the next page is ready, or none is needed."""
        ring = self.ring
        return ring.spare >= 0 or (ring.block < 0 and not self.problem)

    def erase_ahead(self):
        """Make the next page ready if it is not: one erase, for when there is time. True if so.
        Raises OSError when that is refused, not while it is too early to try again.
        """
        ring = self.ring
        if self.is_ahead() or ring.is_waiting():
            return False
        ring.attempt()
        self.make_spare()
        self.problem = ""
        return True

    def trouble(self):
        """Why it takes nothing; nothing once it may be tried again."""
        if not self.ring.is_waiting():
            self.problem = ""
        return self.problem

    def _encode(self, ring, i, count, number):
        """Chunks of one record each, as many as one program takes: a bit that flips costs one. How
        many bytes; `_taken` says how many records.
        """
        flash = self.ring
        if flash.block < 0:
            return 0
        chunk, packer = self._chunk, self._packer
        last = pages.SIZE - flash.at
        last = (last if last < _CHUNK_BYTES else _CHUNK_BYTES) - self._bound
        start = taken = 0
        while i < count and start <= last:
            at = start + 2
            boot = self._log.boot
            if boot > 127:
                at = varint.put(chunk, at, boot)
            else:
                chunk[at] = boot
                at += 1
            at = ring.alone(ring.handle, chunk, i, at, number & 0xFFFF, number >> 16)
            chunk[start] = at - start - 2
            chunk[start + 1] = _KIND
            low, high = flash.crc_low ^ 65535, flash.crc_high ^ 65535
            packer.crc32(low, high, packer.table, chunk, start, at)
            start = at + 4
            number += 1
            i += 1
            taken += 1
        self._taken = taken
        return start

    def make_spare(self):
        """Make the next page ready. Raises OSError when that is refused."""
        ring = self.ring
        if self._is_needed(self.index.seqs[ring.victim()]) or not ring.make_spare():
            ring.refuse()

    def _is_needed(self, seq):
        """Whether the page with this sequence may hold records that the log does not have."""
        index = self.index
        while seq:
            block = index.after(seq + 1)
            if block < 0:  # the newest: what a start finds in it goes into the log at once
                return max(self.end, self._log.top) > self._log.number
            end = index.number(block)
            if end:
                return end > self._log.number
            seq = index.seqs[block]
        return False

    def _open_page(self, slot, number):
        ring = self.ring
        log = self._log
        ring.attempt()
        while True:
            if not ring.spare_ready():
                self.make_spare()
            self.seq += 1  # also for one that fails: part of it may be there
            head = pages.Header(
                log.channels, self.seq, log.epoch, number, slot, log.boot, log.config_hash
            )
            head.version = pages.OLDEST  # nothing in it has changed since
            if ring.open(head):
                ring.taken = 1  # the first chunk has records
                break
            if ring.spare_ready():  # nothing came of it, and an erase would not help
                ring.refuse()
