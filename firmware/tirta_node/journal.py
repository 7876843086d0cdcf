# SPDX-License-Identifier: MIT
"""The journal: records that must be durable before their chunk of the log is complete.

It has a small ring of pages of its own (FORMAT.md section 3.1). What lies in it is needed only
until the log has the same records; no page that holds such a record is erased. Each chunk stands
alone: damage to one costs no other.
"""

from micropython import const

from tirta_format import page as pages
from tirta_format import record
from tirta_node.flashring import FlashRing
from tirta_node.index import Index

_CHUNK_BYTES = const(256)
_NO_PAGE = "no page of the journal can be written: the flash is worn out or damaged"


class Journal:
    """Plain records, kept with the number that the log will give them."""

    def __init__(self, flash, log, channels, works, clock):
        self.flash = flash
        self.index = Index(flash, pages.MARK_JOURNAL)
        self._log = log
        self.ring = FlashRing(self.index, pages.MARK_JOURNAL, works, clock, _NO_PAGE)
        self.seq = 0
        self._chunk = bytearray(_CHUNK_BYTES)
        self._encoder = record.Encoder(channels)
        self._values = [0] * channels
        self._flags = bytearray(channels)
        self.problem = ""  # why it took nothing the last time

    def append(self, ring, first, number):
        """Keep the records of the ring from the `first`-th oldest on, which has this number.
        Raises OSError when no page can be written.
        """
        try:
            self._append(ring, first, number)
            self.problem = ""
        except OSError as error:
            self.problem = str(error)
            raise

    def _append(self, ring, first, number):
        at = first
        while at < ring.count():
            end, taken = self._encode(ring, at, number + at - first)
            if taken:
                crc = self.ring.page_crc
                size = pages.finish_chunk(self._chunk, pages.RECORDS_AT, end - 2, crc)
                if self.ring.append(self._chunk, 0, size):
                    at += taken
                    continue
            self._open_page(ring.slot(at), number + at - first)

    def is_ahead(self):
        """Whether the next page is ready, or none is needed."""
        return self.ring.spare_ready() or (self.ring.block < 0 and not self.problem)

    def erase_ahead(self):
        """Make the next page ready if it is not: one erase, for when there is time. True if so.
        Raises OSError when that is refused, not while it is too early to try again.
        """
        ring = self.ring
        if self.is_ahead() or ring.is_waiting():
            return False
        ring.attempt()
        self._make_spare()
        self.problem = ""
        return True

    def hurry(self):
        """Somebody waits: what was refused is tried at once."""
        self.ring.hurry()

    def trouble(self):
        """Why it takes nothing; nothing once it may be tried again."""
        if not self.ring.is_waiting():
            self.problem = ""
        return self.problem

    def bad_pages(self):
        """Pages that could not be erased or programmed since the start."""
        return self.ring.bad_pages

    def _encode(self, ring, first, number):
        encoder = self._encoder
        chunk = self._chunk
        room = min(self.ring.room(), _CHUNK_BYTES - pages.CHUNK_OVERHEAD)
        limit = room + 2 - encoder.bound()
        encoder.restart(self._log.boot, number, ring.slot(first))
        at = encoder.put_place(chunk, 2) if room >= record.PLACE_BYTES else _CHUNK_BYTES
        taken = 0
        while first + taken < ring.count() and at <= limit:
            ring.unpack(first + taken, self._values, self._flags)
            slot = ring.slot(first + taken)
            at = encoder.put(chunk, at, slot, self._values, self._flags, 0)
            taken += 1
        return at, taken

    def _make_spare(self):
        ring = self.ring
        if self._is_needed(self.index.seqs[ring.victim()]) or not ring.make_spare():
            ring.refuse()

    def _is_needed(self, seq):
        """Whether the page with this sequence may hold records that the log does not have."""
        index = self.index
        while seq:
            block = index.after(seq + 1)
            if block < 0:
                return True
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
                self._make_spare()
            self.seq += 1  # also for one that fails: part of it may be there
            head = pages.Header(
                log.channels, self.seq, log.epoch, number, slot, log.boot, log.config_hash
            )
            head.version = pages.OLDEST  # nothing in it has changed since
            if ring.open(head):
                break
            if ring.spare_ready():  # nothing came of it, and an erase would not help
                ring.refuse()
