# SPDX-License-Identifier: MIT
"""Ticks of channels with mixed periods, each to be counted by callgrind.

A flow meter and a pressure every 10 ms with statistics and limits, three channels every 100 ms with
statistics, three every second; records of a second. Counted are the last ticks of a record, its
making, and the first ones of the next: what falls due together falls due there. From a call of
`gc.isenabled`, which nothing else calls, to the next lies a tick, and from there to the next what
the bench does; callgrind writes its count at each.
"""

import gc
from collections import deque

import micropython
import nochip  # noqa: F401 - before the sensors

from tirta_node.sampling import assemble
from tirta_node.sampling.sampler import DUE, OVERRUNS
from tirta_node.sensors.current_row import CurrentRow
from tirta_node.sensors.pulse_row import PulseRow
from tirta_node.storage.ring import Ring

INTERVAL_MS = 1000
PERIODS_MS = (10, 10, 100, 100, 100, 1000, 1000, 1000)
TICKS = 116
COUNTED = 30  # the last of them
STATISTICS = ["mean", "min", "max", "std"]
LIMITS = {"qc_fail": [0, 16000], "qc_suspect": [100, 15900], "qc_spike": [400, 900]}


class Said:
    """Hardware whose next readings are known."""

    def __init__(self, readings):
        self.read_uv = self.value = deque(readings, len(readings)).popleft


def build():
    """(sampler, ring)."""
    uv = [1200000 + 700 * i % 9000 for i in range(8 * TICKS)]
    drivers, channels = [], []
    for i, period_ms in enumerate(PERIODS_MS):
        channel = {"name": "c%d" % i, "sensor": "current", "period_ms": period_ms}
        if period_ms < INTERVAL_MS:
            channel["stats"] = STATISTICS
        if i == 0:
            channel["sensor"] = "pulse"
            drivers.append(PulseRow(Said([17 * k % 32000 for k in range(TICKS + 1)]), 32000))
        else:
            drivers.append(CurrentRow(Said(list(uv)), 100000, 0, 16000))
        channels.append(channel)
    channels[1].update(LIMITS)
    ring = Ring(len(assemble.columns.columns(channels)))
    return assemble.build(drivers, [], channels, INTERVAL_MS, ring), ring


def main():
    """Tick as the loop does, asleep in between for as long as it may."""
    made, ring = build()
    tick, cells, address, parts = made.tick, made.cells, made.state, made.parts
    now = made.groups[0].words[DUE]
    mark = gc.isenabled
    micropython.heap_lock()
    for i in range(TICKS):
        if i < TICKS - COUNTED:
            now += tick(cells, address, now, parts)
        else:
            mark()
            left_ms = tick(cells, address, now, parts)
            mark()
            now += left_ms
    micropython.heap_unlock()
    if ring.count() != 1 or [group.words[OVERRUNS] for group in made.groups] != [0] * 4:
        raise ValueError("this was no record without loss")
