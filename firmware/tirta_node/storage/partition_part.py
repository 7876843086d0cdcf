# SPDX-License-Identifier: MIT
"""A run of blocks of a flash partition, numbered from 0."""


class PartitionPart:
    """`count` blocks of `flash` from `first` on; the same methods as the flash."""

    def __init__(self, flash, first, count):
        self._flash = flash
        self._first = first
        self.blocks = count

    def read(self, block, offset, buf):
        """Fill `buf`."""
        self._flash.read(self._first + block, offset, buf)

    def program(self, block, offset, buf):
        """Program `buf`. Raises OSError when the flash refuses."""
        self._flash.program(self._first + block, offset, buf)

    def erase(self, block):
        """Erase one block. Raises OSError when the flash refuses."""
        self._flash.erase(self._first + block)


def halves(flash):
    """(journal, log): the two rings of the log partition (FORMAT.md section 2)."""
    journal = max(4, min(20, flash.blocks // 16))
    return PartitionPart(flash, 0, journal), PartitionPart(flash, journal, flash.blocks - journal)
