# SPDX-License-Identifier: MIT
"""One way of keeping N records, to be counted by callgrind: the difference of two N is the cost.

`pack`: eight Python-level reads and one struct.pack_into, the loop that the ratios refer to.
`statistics`, `limits`, `both`: what the loop calls when a record ends of which the eight channels
have mean, min and max, limits of quality, or both, with two samples before it; with `-before` these
two alone. `capture`: raw values into the ring. `full`: that, and compressed and framed. `durable`:
that, and programmed into a flash in RAM and read back; both decide as Keeper.work does, without it.
`work_60` and `work_1` call the real Keeper.work after each record, flash in RAM, read-back, pages
and erases included: 60 records a chunk (1 s, commit 60 s), and each record in the journal (60 s,
commit 60 s). `work_idle` calls it with nothing to do. `work_none` is the bench's own part of these.
`empty` is the bench's own part of `capture`, `loop` that of the other two. `heap` tells how many
bytes of heap `durable` takes. `tick`: what the loop calls for a record, deadline and hardware reads
and all, of a flow meter on a counter and seven 4-20 mA loops; `mean` the same at a period at which
each loop is read eight times; `idle` what both contain of the bench. What is C on the chip is C
here, called in the same way and next to nothing in itself: for the methods `read_uv` and
`PCNT.value` the method `popleft` of a deque of what they would say; for the function `ticks_ms`,
which would read the clock of the computer, `micropython.mem_peak`, which says the same number each
time: so the deadline is put there anew.
"""

import gc
import struct
from array import array
from collections import deque

import micropython
import nochip  # noqa: F401 - before the sensors
from faketime import time  # takes the place of the module: before anything of ours
from node_parts import Parts
from nor import BLOCK

from tirta_node.sampling import assemble
from tirta_node.sampling.sampler import DUE
from tirta_node.sensors.current_row import CurrentRow
from tirta_node.sensors.pulse_row import PulseRow
from tirta_node.stopwatch import Stopwatch
from tirta_node.storage.ring import USED, Ring

BLOCKS = 16  # no more than a run needs: they lie in the heap, and the chip's do not
HEAP_RECORDS = 600
MOST_TICKS = 1400
ROOM_MS = 600  # enough for an erase
NOTES_MS = 120000
WORKS = {  # interval and commit in ms
    "work_60": (1000, 60000),
    "work_1": (60000, 60000),
    "work_idle": (60000, 60000),
    "work_none": (1000, 60000),
}
TICKS = 0x3FFFFFFF  # as in tick_viper.py


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
        log.ring.at += end - start
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


def works(ring, data, n, keeper, interval_ms):
    """Each record is followed by one call of the keeper, which has time for an erase."""
    total = len(data)
    channels = ring.channels
    at = 0
    values = ring.values
    for slot in range(n):
        at = feed(values, data, at, channels)
        if at == total:
            at = 0
        time.now_ms += interval_ms
        ring.take(ring.handle, slot)
        keeper.work(ROOM_MS)
    if keeper.problem or keeper.number() + 60 < n:
        raise ValueError("the records are not where they belong")


def works_none(ring, data, n):
    """What the others contain of the bench."""
    total = len(data)
    channels = ring.channels
    at = 0
    values = ring.values
    state = ring.state
    for slot in range(n):
        at = feed(values, data, at, channels)
        if at == total:
            at = 0
        time.now_ms += 1000
        ring.take(ring.handle, slot)
        state[USED] = 0


def works_idle(keeper, n):
    """After all that a start leaves to do."""
    time.now_ms += NOTES_MS
    for _ in range(9):
        keeper.work(ROOM_MS)
    for _ in range(n):
        keeper.work(ROOM_MS)


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


class Said:
    """Hardware whose next readings are known."""

    def __init__(self, readings):
        self.read_uv = self.value = deque(readings, len(readings)).popleft


def ticks(n, period_ms, idle=False):
    """`n` records as the loop makes them."""
    each = 8 if period_ms >= 1000 else 1
    uv = [1200000 + 7 * i for i in range(each * MOST_TICKS)]
    drivers = [PulseRow(Said([17 * i % 32000 for i in range(MOST_TICKS + 1)]), 32000)]
    drivers += [CurrentRow(Said(uv), 100000, 0, 16000) for _ in range(7)]
    channels = [{"name": "c%d" % i, "sensor": "current"} for i in range(8)]
    ring = Ring(8)
    made = assemble.build(drivers, [], channels, period_ms, ring)
    due = [micropython.mem_peak() - late & TICKS for late in (0, 1)]
    (no_ticks if idle else rounds)(n, made, made.groups[0].words, due, ring.state, Stopwatch())


def rounds(n, made, words, due, state, stopwatch):
    """What a round of app.run spends on sampling, every second one a millisecond late."""
    tick, cells, address, parts = made.tick, made.cells, made.state, made.parts
    ticks_ms = micropython.mem_peak
    for i in range(n):
        words[DUE] = due[i & 1]
        left_ms = tick(cells, address, ticks_ms(), parts)
        left_ms - stopwatch.passed_us // 1000  # as the loop has it in an expression
        state[USED] = 0


def no_ticks(n, made, words, due, state, stopwatch):
    """What both contain of the bench."""
    for i in range(n):
        words[DUE] = due[i & 1]
        state[USED] = 0


STATISTICS = {"stats": ["mean", "min", "max"]}
LIMITS = {
    "qc_fail": [-500000, 500000], "qc_suspect": [-400000, 400000], "qc_rate": 300000,
    "qc_flat": [1, 5, 9],
}  # fmt: skip
SPIKE = {"qc_spike": [300000, 400000]}
EXTRAS = {"statistics": STATISTICS, "limits": LIMITS, "both": dict(STATISTICS, **LIMITS)}


def ended(n, keys, closes):
    """`n` times what the loop calls when a record ends: the tick that samples, and the tick that
    makes the record. Two more samples come before; without `closes` these are all.
    """
    total = 3 * n + 3
    uv = [1200000 + 1777 * (i * i % 13) for i in range(total)]
    counts = [17 * i % 32000 for i in range(total + 1)]
    drivers = [PulseRow(Said(counts), 32000)]
    drivers += [CurrentRow(Said(uv), 100000, 0, 16000) for _ in range(7)]
    channels = []
    for i in range(8):
        channel = {"name": "c%d" % i, "sensor": "current" if i else "pulse", "period_ms": 100}
        channel.update(keys)
        if i and "qc_flat" in keys:
            channel.update(SPIKE)
        channels.append(channel)
    ring = Ring(len(assemble.columns.columns(channels)))
    made = assemble.build(drivers, [], channels, 400, ring)
    group, record = made.groups[0].words, made.groups[1].words
    now = micropython.mem_peak() & TICKS
    tick, cells, state, parts = made.tick, made.cells, made.state, made.parts
    ticks_ms = micropython.mem_peak
    used = ring.state
    for _ in range(n):
        for _ in range(2):
            group[DUE] = now
            record[DUE] = now + 900 & TICKS
            tick(cells, state, ticks_ms(), parts)
        if closes:
            group[DUE] = now
            record[DUE] = now
            left_ms = tick(cells, state, ticks_ms(), parts)
            left_ms = tick(cells, state, ticks_ms(), parts)
            used[USED] = 0
    return left_ms if closes else ring.count()


def sampling(mode, n):
    """The modes that only sample; whether it was one of them."""
    kind, _, before = mode.partition("-")
    if mode == "pack":
        pack(n)
    elif mode in ("tick", "mean", "idle"):
        ticks(n, 1000 if mode == "mean" else 100, mode == "idle")
    elif kind in EXTRAS:
        ended(n, EXTRAS[kind], not before)
    else:
        return False
    return True


def main(mode, n, channels, path):
    if sampling(mode, n):
        return
    if mode == "calls":
        for _ in range(n):
            pass
        return
    with open(path, "rb") as file:
        data = array("i", file.read(4 * channels * MOST_TICKS))
    time.now_ms = 0
    if mode in WORKS:
        interval_ms, commit_ms = WORKS[mode]
        parts = Parts(Memory(BLOCKS), channels, {}, b"{}", interval_ms, commit_ms)
        if mode == "work_idle":
            works_idle(parts.keeper, n)
        elif mode == "work_none":
            works_none(parts.ring, data, n)
        else:
            works(parts.ring, data, n, parts.keeper, interval_ms)
        return
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
