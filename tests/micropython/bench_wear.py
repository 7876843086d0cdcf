# SPDX-License-Identifier: MIT
"""Small durable appends, told in bytes programmed and blocks erased: ours and LittleFS.

Both get a NOR flash in RAM that counts, and the same appends. Prints one line of JSON.
"""

import json

import vfs
from node_parts import Parts
from nor import BLOCK, PROGRAM, Flash

META_OF_LATER = 200  # a type that readers skip: FORMAT.md 11
CONFIG = b"{}"


class Counted:
    """Programmed bytes and erased blocks of a Flash."""

    def __init__(self, blocks):
        self.flash = Flash(blocks)
        self.flash.remembers = False
        self.flash.watch = self._take
        self.programmed = 0

    def _take(self, kind, block, offset, data):
        if kind == PROGRAM:
            self.programmed += len(data)

    def reset(self):
        """Count from here on."""
        self.programmed = 0
        self.flash.erases = [0] * self.flash.blocks

    def tell(self, payload):
        """The figures, per byte of payload."""
        return {
            "payload": payload,
            "programmed": self.programmed,
            "erased": sum(self.flash.erases) * BLOCK,
        }


def payload(i, size):
    """Append number i: every byte of it is checked when it is read back."""
    return (bytes([META_OF_LATER, 0]) + (b"%08d" % i) * (size // 8))[:size]


class Device:
    """The block device that the ESP32 port's Partition is: writes of 3 arguments never erase."""

    def __init__(self, flash):
        self._flash = flash

    def readblocks(self, n, buf, offset=0):
        self._flash.read(n + offset // BLOCK, offset % BLOCK, buf)

    def writeblocks(self, n, buf, offset=0):
        self._flash.program(n + offset // BLOCK, offset % BLOCK, buf)

    def ioctl(self, op, arg):
        if op == 4:
            return self._flash.blocks
        if op == 5:
            return BLOCK
        if op == 6:
            self._flash.erase(arg)
        return 0


def littlefs(blocks, appends, size):
    """A file that grows by one append and one flush at a time, as loggers do."""
    counted = Counted(blocks)
    device = Device(counted.flash)
    vfs.VfsLfs2.mkfs(device, readsize=32, progsize=32, lookahead=32)
    vfs.mount(vfs.VfsLfs2(device, readsize=32, progsize=32, lookahead=32), "/lfs")
    with open("/lfs/log", "ab") as file:
        counted.reset()
        for i in range(appends):
            file.write(payload(i, size))
            file.flush()
        told = counted.tell(appends * size)
    with open("/lfs/log", "rb") as file:
        for i in range(appends):
            if file.read(size) != payload(i, size):
                raise ValueError("append %d did not come back from LittleFS" % i)
    vfs.umount("/lfs")
    return told


def ours(blocks, wraps, appends, size):
    """Notes of `size` bytes in the log: headers, checkpoints, CRCs, marks and all.

    `wraps` times around the ring, or that many `appends`. `spread` is how far the erase counts of
    two pages were apart at the worst moment.
    """
    counted = Counted(blocks)
    log = Parts(counted.flash, 1, {}, CONFIG).log
    log.note(payload(0, size))  # the first page is begun
    counted.reset()
    done = spread = 0
    while done < appends or (wraps and min(_log_erases(counted, log)) < wraps):
        done += 1
        log.note(payload(done, size))
        log.erase_ahead()
        erases = _log_erases(counted, log)
        spread = max(spread, max(erases) - min(erases))
    told = counted.tell(done * size)
    told["spread"] = spread
    return told


def _log_erases(counted, log):
    """Erase counts of the pages of the log's ring."""
    return counted.flash.erases[len(counted.flash.erases) - log.index.count :]


def main(blocks, payload_bytes, sizes, small, wraps):
    """LittleFS and ours with the same appends of each size, and ours with the first size `wraps`
    times around a `small` ring.
    """
    told = {"wraps": ours(small, wraps, 0, sizes[0])}
    for size in sizes:
        appends = payload_bytes // size
        told["lfs2_%d" % size] = littlefs(blocks, appends, size)
        told["ours_%d" % size] = ours(blocks, 0, appends, size)
    print(json.dumps(told))
