# SPDX-License-Identifier: MIT
"""What each page of log or journal holds, in RAM: read at boot (page_rows.py), kept up to date by
the writer.

An array of sequences, one a page, 0 = nothing of ours: 1.2 KB for the 296 pages of a 4 MB board.
The rest of a header is asked for rarely, and read from flash again.
"""

from array import array
from binascii import crc32

from micropython import const

from tirta_format import page as pages

_READS = const(6)
UNSTEADY = "the flash reads differently each time"


class Index:
    """Entries by physical page. `newest` is the page with the largest sequence, or -1."""

    def __init__(self, flash, mark):
        self.count = flash.blocks
        self.flash = flash
        self._mark = mark
        self.newest = -1
        self.epoch = 0
        self.is_empty = False  # the page asked for last shows nothing but its mark,
        self.is_marked = False  # or not even that
        self.is_odd = False  # the last scan found what no writer leaves
        self.seqs = array("I", bytes(4 * self.count))

    def header(self, block, follows=-1):
        """The header of this page as it lies on flash, or None: what two reads agree on, or one
        that is known. Where there is none, two in a row agree on that, the last of several where
        something else lies. One read is enough where it shows what `follows` from the page before,
        the next sequence, or 0 for nothing. Raises OSError when the flash errs each time.
        """
        buf = bytearray(pages.HEADER_SIZE)
        before = found = None
        for left in range(_READS, 0, -1):
            buf[0] = buf[-1] = left  # so that a read that brings nothing agrees with no other
            try:
                self.flash.read(block, 0, buf)
            except OSError:
                if left == 1:
                    raise
                continue
            now = bytes(buf)
            head = pages.header(buf, self._mark)
            if head is None:
                self.is_empty = min(now[2:]) == 255
                self.is_marked = now[:2] == self._mark
                agrees = now == before or (left == _READS and not follows)
                if agrees and (left == 1 or self.is_empty):
                    return None
            elif (
                now == found
                or head.seq == self.seqs[block]
                or (head.seq == follows and head.epoch == self.epoch)
            ):
                if head.seq != self.seqs[block] and self._may_be_astray(head):
                    whole = bytearray(pages.HEADER_SIZE + pages.CHUNK_OVERHEAD)
                    self.flash.read(block, 0, whole)
                    if self.is_astray(head, whole):
                        self.is_empty = False
                        return None
                return head
            else:
                found = now
            before = now
        raise OSError(UNSTEADY)

    def is_astray(self, head, page):
        """Whether this is a header of the journal, with nothing behind it, in a page of the log."""
        behind = page[pages.HEADER_SIZE : pages.HEADER_SIZE + pages.CHUNK_OVERHEAD]
        return self._may_be_astray(head) and min(behind) == 255

    def _may_be_astray(self, head):
        return head.version == pages.OLDEST and self._mark == pages.MARK

    def read(self, block, page):
        """Fill `page` with what two reads in a row agree on. Raises OSError when the flash errs
        each time.
        """
        before = None
        for left in range(_READS, 0, -1):
            page[0] = page[-1] = left
            try:
                self.flash.read(block, 0, page)
            except OSError:
                if left == 1:
                    raise
                continue
            now = crc32(page)
            if now == before:
                return
            before = now
        raise OSError(UNSTEADY)

    def begin(self, epoch):
        """Nothing that lies on flash belongs to the log that begins now."""
        self.epoch = epoch
        for block in range(self.count):
            self.seqs[block] = 0

    def number(self, block):
        """Number of the first record of this page; 0 when its header cannot be read any more."""
        try:
            head = self.header(block)
        except OSError:
            head = None
        return head.number if head is not None else 0

    def put(self, block, head):
        """The page at `block` has this header."""
        self.seqs[block] = head.seq

    def forget(self, block):
        """The page at `block` holds nothing any more."""
        self.seqs[block] = 0

    def after(self, seq):
        """The page with the smallest sequence of at least `seq`, or -1."""
        found = -1
        for block in range(self.count):
            have = self.seqs[block]
            if have and have >= seq and (found < 0 or have < self.seqs[found]):
                found = block
        return found

    def before(self, seq):
        """The page with the largest sequence below `seq`, or -1."""
        found = -1
        for block in range(self.count):
            have = self.seqs[block]
            if have and have < seq and (found < 0 or have > self.seqs[found]):
                found = block
        return found
