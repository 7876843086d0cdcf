# SPDX-License-Identifier: MIT
"""One way of keeping N records, to be counted by callgrind: the difference of two N is the cost.

`pack`: eight Python-level reads and one struct.pack_into, the loop that the ratios refer to.
`capture`: raw values into the ring. `full`: that, and compressed and framed. `durable`: that, and
programmed into a flash in RAM and read back. `empty` is the bench's own part of `capture`, `loop`
that of the other two. `heap` tells how many bytes of heap `durable` takes.
"""

import gc
import struct
from array import array

import micropython
from faketime import time  # takes the place of the module: before anything of ours
from node_parts import Parts
from nor import BLOCK

from tirta_node.ring import USED

BLOCKS = 64
HEAP_RECORDS = 600


class Channel:
    def __init__(self, value):
        self.value = value

    def read(self):
        return self.value


class Memory:
    """A flash that is nothing but memory: what the chip spends on a program is not ours."""

    def __init__(self, blocks):
        self.blocks = blocks
        self._image = memoryview(bytearray(b"\xff" * BLOCK * blocks))
        self._erased = memoryview(b"\xff" * BLOCK)

    def read(self, block, offset, buf):
        at = block * BLOCK + offset
        buf[:] = self._image[at : at + len(buf)]

    def program(self, block, offset, buf):
        at = block * BLOCK + offset
        self._image[at : at + len(buf)] = buf

    def erase(self, block):
        self._image[block * BLOCK : (block + 1) * BLOCK] = self._erased


def pack(n):
    buf = bytearray(64)
    a, b, c, d, e, f, g, h = [Channel(i * 1000) for i in range(8)]
    t = 1000
    for _ in range(n):
        t += 1
        struct.pack_into(
            "<I8i", buf, 0,
            t, a.read(), b.read(), c.read(), d.read(), e.read(), f.read(), g.read(), h.read(),
        )  # fmt: skip


@micropython.viper
def feed(to: ptr32, data: ptr32, at: int, n: int) -> int:  # noqa: F821  viper's own
    """Leave the next raw values where the drivers leave them; the place of the ones after."""
    for i in range(n):
        to[i] = data[at + i]
    return at + n


def loop(ring, data, n):
    at = 0
    total = len(data)
    channels = ring.channels
    values = ring.values
    for _ in range(n):
        at = feed(values, data, at, channels)
        if at == total:
            at = 0


def empty(ring, data, n):
    at = 0
    total = len(data)
    channels = ring.channels
    values = ring.values
    state = ring.state
    for _ in range(n):
        at = feed(values, data, at, channels)
        if at == total:
            at = 0
        state[USED] = 0


def capture(ring, data, n):
    at = 0
    total = len(data)
    channels = ring.channels
    values = ring.values
    state = ring.state
    for slot in range(n):
        at = feed(values, data, at, channels)
        if at == total:
            at = 0
        ring.take(ring.handle, slot)
        state[USED] = 0


def without_program(log):
    """From here on a chunk takes its room in the page, and that is all."""

    def append(chunk, start, end):
        log.page_slot = -1
        log._pages.at += end - start
        return True

    log.append = append


def full(ring, data, n, recorder):
    """`recorder` decides as for Keeper.work when records are compressed."""
    slot = ring.first_slot() + ring.count()
    total = len(data)
    channels = ring.channels
    at = slot * channels % total
    values = ring.values
    state = ring.state
    for _ in range(n):
        at = feed(values, data, at, channels)
        if at == total:
            at = 0
        ring.take(ring.handle, slot)
        if state[USED] >= recorder.due:
            recorder.encode()
        slot += 1


def heap(ring, data, recorder):
    """[bytes a record inside of a chunk, bytes a record with chunks written and pages turned]."""
    log = recorder._log
    full(ring, data, 200, recorder)
    gc.collect()
    gc.disable()
    packed = bytes_packed = bytes_all = 0
    for _ in range(HEAP_RECORDS):
        number = log.number
        seq = log.seq
        before = gc.mem_alloc()
        full(ring, data, 1, recorder)
        taken = gc.mem_alloc() - before
        bytes_all += taken
        if log.number == number and log.seq == seq:
            bytes_packed += taken
            packed += 1
    return [bytes_packed / packed, bytes_all / HEAP_RECORDS]


def main(mode, n, channels, path):
    if mode == "pack":
        pack(n)
        return
    with open(path, "rb") as file:
        data = array("i", file.read())
    time.now_ms = 0
    parts = Parts(Memory(BLOCKS), channels, {}, b"{}")
    recorder = parts.keeper._recorder
    if mode == "heap":
        print(heap(parts.ring, data, recorder))
    elif mode in ("full", "durable"):
        if mode == "full":
            without_program(parts.log)
        full(parts.ring, data, n, recorder)
    else:
        {"loop": loop, "empty": empty, "capture": capture}[mode](parts.ring, data, n)
