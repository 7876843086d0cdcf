# SPDX-License-Identifier: MIT
"""An application slot as `vfs` mounts it: read only, in blocks of 1024 bytes.

Most modules are smaller than an erase block of 4096, and LittleFS gives each file whole blocks: in
fine ones a slot holds twice as many. Only whole erase blocks are written, by an update.
"""


class Fine:
    """`flash` as a block device (MicroPython's extended protocol, without writing)."""

    def __init__(self, flash):
        self._flash = flash

    def readblocks(self, block, buf, offset=0):
        self._flash.read(block >> 2, ((block & 3) << 10) + offset, buf)

    def ioctl(self, op, arg):
        if op == 4:
            return self._flash.blocks << 2
        return 1024 if op == 5 else 0
