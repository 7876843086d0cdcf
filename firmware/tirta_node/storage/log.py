# SPDX-License-Identifier: MIT
"""The log: pages on flash, one chunk after the other (FORMAT.md 2 to 5).

A chunk is one program, read back before it counts. A *note* is a meta record, written at once.
Records come from the recorder, which `before_note` asks to write what it holds back, so that notes
stand where they belong. Every loss is a note and a number in `lost`. Nothing is written before
`find` has found the end.
"""

from micropython import const

from tirta_format import page as pages
from tirta_node import unload
from tirta_node.storage.page_index import Index
from tirta_node.storage.page_ring import RESUMED, Attempts, PageRing

_NOTE_BYTES = const(256 + 64)  # a part of a config, and what stands before it
_NO_PAGE = "no page of the log can be written: the flash is worn out or damaged"
_NOT_FOUND = "the end of the log is not found yet"
_LOSS_TORN = const(6)  # as in meta.py, which is needed some ten times a page
_NEXT_PAGE = const("tirta_node.storage.next_page")
_NUMBERS = const(0xFFFE0000)  # of an epoch: the rest is for what damage may hide


class Log:
    """`counted` maps the indexes of the channels whose totals are kept to their names; `slot` says
    where the next record belongs.
    """

    def __init__(self, flash, clock, attempts=None):
        self.index = Index(flash, pages.MARK)
        self.flash = flash
        self.channels = 0
        self.counted = {}
        self.slot = 0
        self.version = pages.VERSION  # of the pages to be begun; the application before this one
        self.page_version = 0  # may have to read them, and that of the page being written
        self.before_note = None
        self.page_slot = -1  # where the page begun last expects its first record; -1 = not fresh
        self.attempts = attempts or Attempts()
        self.is_kept = False  # the keeper is at work: a note is part of that
        self.ring = PageRing(self.index, pages.MARK, self.attempts, clock, _NO_PAGE)
        self.clock = clock
        self._note = bytearray(_NOTE_BYTES)
        self.config_hash = 0
        self.epoch = 0
        self.boot = 0
        self.begun = 0  # the newest boot of which it had a word when it was found
        self.seq = 0
        self.number = 0  # of the next record
        self.top = 0  # no number from here on was ever given
        self.totals = {}
        self.pulled = 0
        self.lost = 0
        self.is_found = False
        self.looked = False  # a start was put off, for a page seemed to be away
        self.sure = 0, 0, 0  # (epoch, number, boot) that two readings agreed on since power came
        self.told = 0  # what is missing below this is noted
        self.hidden = 0  # records at most that damage hides, not noted yet
        self.reason = _LOSS_TORN  # why they are missing
        self.gone = 0  # records below this were overwritten, and that is noted
        self.left = -1  # the page that may be erased: what it takes away is noted
        self.checked = True  # the page being written has a checkpoint with every total
        self.resumed = False  # the page being written is of an earlier start
        self.opening = False
        self.owed = []  # what erased pages held, not written yet (`next_page.pay`)
        self.paying = False
        self.postponed = -1  # the last page that was not erased before its configs lay elsewhere

    def uptime_ms(self):
        """Of the clock by which the log is dated. 0 for what a start programs first into a page:
        where that is cut its cells may fall when the next start has programmed the same there.
        """
        return 0 if self.ring.taken == RESUMED else self.clock.uptime_ms()

    def oldest_number(self):
        """Number of the oldest record on flash."""
        block = self.index.after(1)
        return self.index.number(block) if block >= 0 else self.number

    def end(self):
        """(sequence of the page being written, end of its chunks)."""
        return self.seq, min(self.ring.at, pages.SIZE)

    def ends(self):
        """Whether an epoch has no numbers left."""
        return max(self.number, self.top) >= _NUMBERS

    def close_other(self):
        """Write no more into a page of another version. No chunk may be under construction."""
        if self.page_version != self.version:
            self.ring.close()

    def append(self, chunk, start, end):
        """Write the finished chunk in `chunk[start:end]`; False when the page did not take it."""
        self.page_slot = -1
        return self.ring.append(chunk, start, end)

    def note(self, payload):
        """Write one meta record at once. Raises OSError when no page can be written."""
        if not self.is_found:
            raise OSError(_NOT_FOUND)
        if self.opening:
            self.write_note(payload)
            return
        if not self.is_kept:
            self.attempts.renew()
        if self.before_note is not None:
            self.before_note()
        self.write_note(payload)

    def write_note(self, payload):
        """Write it with nothing before it."""
        while not self.put_note(payload):
            self.open_page()

    def put_note(self, payload):
        """Write it to the page being written; False when that does not take it."""
        if self.ring.room() < len(payload):
            return False
        if len(payload) + pages.CHUNK_OVERHEAD > len(self._note):
            self._note = bytearray(len(payload) + pages.CHUNK_OVERHEAD)
        self._note[2 : 2 + len(payload)] = payload
        size = pages.finish_chunk(self._note, pages.META, len(payload), self.ring.page_crc)
        return self.ring.append(self._note, 0, size)

    def keep_pulled(self, number):
        """A laptop has every record below `number`: durable when this returns. Raises OSError."""
        unload.call(_NEXT_PAGE, "keep_pulled", self, number)

    def checkpoint(self):
        """Note totals, losses, and what a laptop has."""
        unload.call(_NEXT_PAGE, "checkpoint", self)

    def note_loss(self, *loss):
        """As `next_page.note_loss`: (reason, at_most, duration_ms, before=None)."""
        unload.call(_NEXT_PAGE, "note_loss", self, *loss)

    def is_ahead(self):
        """Whether the next page is ready."""
        return self.ring.spare >= 0

    def erase_ahead(self):
        """Make the next page ready if it is not: one erase, for when there is time. True if so.
        Raises OSError when that is refused, not while it is too early to try again.
        """
        ring = self.ring
        if ring.spare_ready() or ring.is_waiting():
            return False
        is_well = ring.failed < 0 and self.attempts.failed != self.attempts.count
        if is_well and self.left == ring.victim():
            if not ring.make_spare():  # a call costs as much as the erase
                ring.refuse()
        else:
            unload.call(_NEXT_PAGE, "erase_ahead", self)
        return True

    def open_page(self):
        """Go on in a new page. Raises OSError when none can be written, and then at once until it
        is time to try again.
        """
        unload.call(_NEXT_PAGE, "open_page", self)
