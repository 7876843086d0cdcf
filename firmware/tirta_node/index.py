# SPDX-License-Identifier: MIT
"""What each page of log or journal holds, in RAM: read once at boot, kept up to date by the writer.

Two arrays, one entry a page: sequence (0 = nothing of ours) and first record number. 8 bytes a
page: 2.4 KB for the 296 pages of a 4 MB board. What is asked for rarely is read from flash again.
"""

from array import array

from tirta_format import page as pages


class Index:
    """Entries by physical page. `newest` is the page with the largest sequence, or -1."""

    def __init__(self, flash, mark):
        self.count = flash.blocks
        self._flash = flash
        self._mark = mark
        self.newest = -1
        self.epoch = 0
        empty = bytes(4 * self.count)
        self.seqs = array("I", empty)
        self.numbers = array("I", empty)

    def header(self, block):
        """The header of this page as it lies on flash, or None."""
        buf = bytearray(pages.HEADER_SIZE)
        self._flash.read(block, 0, buf)
        return pages.header(buf, self._mark)

    def scan(self):
        """Read every page header once; pages of older epochs are as good as empty."""
        best = None
        for block in range(self.count):
            head = self.header(block)
            if head is None:
                continue
            if best is None or head.seq > best.seq:
                best = head
                if self.epoch != head.epoch:
                    self._forget_all()
                self.epoch = head.epoch
                self.newest = block
            if head.epoch == self.epoch:
                self.put(block, head)
        return best

    def begin(self, epoch):
        """Nothing that lies on flash belongs to the log that begins now."""
        self.epoch = epoch
        self._forget_all()

    def put(self, block, head):
        """The page at `block` has this header."""
        self.seqs[block] = head.seq
        self.numbers[block] = head.number

    def forget(self, block):
        """The page at `block` holds nothing any more."""
        self.seqs[block] = 0

    def _forget_all(self):
        for block in range(self.count):
            self.seqs[block] = 0

    def find(self, seq):
        """The page with this sequence, or -1."""
        for block in range(self.count):
            if self.seqs[block] == seq and seq:
                return block
        return -1

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

    def names(self, config_hash, but):
        """Whether a page other than `but` was written under this config."""
        for block in range(self.count):
            if block != but and self.seqs[block]:
                head = self.header(block)
                if head is not None and head.config_hash == config_hash:
                    return True
        return False

    def used(self):
        """How many pages hold records of this epoch."""
        return sum(1 for seq in self.seqs if seq)
