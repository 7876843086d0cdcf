# SPDX-License-Identifier: MIT
"""Flash partitions of an ESP32: what `chip.partition` finds stays in RAM, chip.py does not."""

from micropython import const

BLOCK = 4096
_ERASE_BLOCK = const(6)  # ioctl of the extended block protocol
_BLOCK_COUNT = const(4)


class Flash:
    """A partition as erase blocks of 4096 bytes; programming only clears bits."""

    BLOCK = BLOCK

    def __init__(self, partition):
        self._partition = partition
        self.blocks = partition.ioctl(_BLOCK_COUNT, 0)

    def read(self, block, offset, buf):
        """Fill `buf` from the block."""
        self._partition.readblocks(block, buf, offset)

    def program(self, block, offset, buf):
        """Program `buf` without an erase. Raises OSError when the flash refuses."""
        self._partition.writeblocks(block, buf, offset)

    def erase(self, block):
        """Erase one block: 30 to 400 ms on the chip, with interrupts held."""
        self._partition.ioctl(_ERASE_BLOCK, block)
