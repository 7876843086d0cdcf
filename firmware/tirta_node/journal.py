# SPDX-License-Identifier: MIT
"""The journal: records that must be durable before their chunk of the log is complete.

It has a small ring of pages of its own (FORMAT.md section 3.1). What lies in it is needed only
until the log has the same records, so its pages are erased without a thought.
"""

from micropython import const

from tirta_format import page as pages
from tirta_format import record
from tirta_node import rarely
from tirta_node.flashring import FlashRing
from tirta_node.index import Index

_CHUNK_BYTES = const(256)
_NO_PAGE = "no page of the journal can be written: the flash is worn out or damaged"


class Journal:
    """Plain records, kept with the number that the log will give them."""

    def __init__(self, flash, log, channels):
        self.flash = flash
        self.index = Index(flash, pages.MARK_JOURNAL)
        self._log = log
        self._pages = FlashRing(flash, self.index, pages.MARK_JOURNAL)
        self.seq = 0
        self._chunk = bytearray(_CHUNK_BYTES)
        self._encoder = record.Encoder(channels)
        self._values = [0] * channels
        self._flags = bytearray(channels)
        self._placed = True
        self.problem = ""  # why it takes nothing more before the next start

    def start(self, counted, config_hash):
        """Bring into the log what it does not have yet; how many records. `counted` is that of the
        config with this hash. Raises OSError when the log refuses.
        """
        log = self._log
        self.index.scan()
        if self.index.newest >= 0:
            self.seq = self.index.seqs[self.index.newest]
        self._pages.adopt_spare()
        if self.index.epoch != log.epoch:
            self.index.begin(log.epoch)
        args = self.flash, self.index, log, counted, config_hash
        return rarely.call("tirta_node.replay", "into_log", *args)

    def append(self, ring, first, number):
        """Keep the records of the ring from the `first`-th oldest on, which has this number.
        Raises OSError when no page can be written.
        """
        at = first
        while at < ring.count():
            end, taken = self._encode(ring, at, number + at - first)
            kind = pages.RECORDS_AT if self._placed else pages.RECORDS
            if taken:
                size = pages.finish_chunk(self._chunk, kind, end - 2, self._pages.page_crc)
                if self._pages.append(self._chunk, 0, size):
                    self._placed = False
                    at += taken
                    continue
            self._open_page(ring.slots[ring.place(at)], number + at - first)

    def is_ahead(self):
        """Whether the next page is ready, or none is needed."""
        return self._pages.spare_ready() or self._pages.block < 0

    def erase_ahead(self):
        """Make the next page ready if it is not: one erase, for when there is time. True if so."""
        if self.is_ahead():
            return False
        self._pages.make_spare()
        return True

    def bad_pages(self):
        """Pages that could not be erased or programmed since the start."""
        return self._pages.bad_pages

    def _encode(self, ring, first, number):
        encoder = self._encoder
        chunk = self._chunk
        limit = min(self._pages.room(), _CHUNK_BYTES - pages.CHUNK_OVERHEAD) + 2 - encoder.bound()
        at = 2
        if encoder.number != number:
            self._placed = True  # records between went into the log without coming here
        if self._placed:
            encoder.restart(self._log.boot, number, ring.slots[ring.place(first)])
            at = encoder.put_place(chunk, at)
        taken = 0
        while first + taken < ring.count() and at <= limit:
            ring.unpack(first + taken, self._values, self._flags)
            slot = ring.slots[ring.place(first + taken)]
            at = encoder.put(chunk, at, slot, self._values, self._flags, 0)
            taken += 1
        return at, taken

    def _open_page(self, slot, number):
        log = self._log
        for _ in range(2 * self.index.count):
            if not self._pages.spare_ready() and not self._pages.make_spare():
                continue
            self.seq += 1
            head = pages.Header(
                log.channels, self.seq, log.epoch, number, slot, log.boot, log.config_hash
            )
            head.version = pages.OLDEST  # nothing in it has changed since
            if self._pages.open(head):
                self._placed = True
                return
        self.problem = _NO_PAGE
        raise OSError(_NO_PAGE)
