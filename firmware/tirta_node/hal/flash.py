# SPDX-License-Identifier: MIT
"""Flash partitions of an ESP32: what `chip.partition` finds stays in RAM, chip.py does not.

An application slot is mounted by `SlotBlocks`, read only, in small blocks: most modules are smaller
than an erase block of 4096, and LittleFS gives each file whole blocks. Only whole erase blocks are
written, by an update.
"""

from micropython import const

BLOCK = 4096
_ERASE_BLOCK = const(6)  # ioctl of the extended block protocol
_BLOCK_COUNT = const(4)
_LENGTH_AT = const(24)  # of a block, in a LittleFS superblock; little endian


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


class SlotBlocks:
    """`flash` as a block device (MicroPython's extended protocol, without writing). Its `block` is
    as long as its file system's superblock says: 512 bytes, or 1024 as those of version 0.1.0.
    """

    def __init__(self, flash):
        self._flash = flash
        length = bytearray(4)
        flash.read(0, _LENGTH_AT, length)
        self.block = 1024 if length[1] == 4 else 512

    def readblocks(self, block, buf, offset=0):
        """Fill `buf` from a small block."""
        at = block * self.block
        self._flash.read(at // BLOCK, at % BLOCK + offset, buf)

    def ioctl(self, op, arg):
        """Number and length of the small blocks; nothing else is to be done."""
        if op == 4:
            return self._flash.blocks * BLOCK // self.block
        return self.block if op == 5 else 0
