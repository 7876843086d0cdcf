# SPDX-License-Identifier: MIT
"""Feeds the firmware's ring, recorder, journal and log with records, and tells the cost.

The records come from a file: arrays of 32-bit slots, 32-bit values and 8-bit flags, one after the
other. A *regime* is (interval in ms, commit in ms), or 0 ms for a commit when a chunk is full and
not before. Prints one line of JSON for each regime and leaves the flash in `flash-N.bin`.
"""

import json
from array import array

from faketime import time  # takes the place of the module: before anything of ours
from node_parts import NEVER_MS, Parts
from nor import ERASE, Flash

from tirta_node.storage.partition_part import halves

BLOCKS = 296  # of the `log` partition of a board with 4 MB
ROOM_MS = 600  # enough for an erase


class Records:
    """What the file holds."""

    def __init__(self, path, channels, count):
        self.channels = channels
        self.count = count
        with open(path, "rb") as file:
            self.slots = array("i", file.read(4 * count))
            self.values = array("i", file.read(4 * count * channels))
            self.flags = file.read(count * channels)


class Cost:
    """Programmed bytes and erases, the journal's and the log's apart."""

    def __init__(self, flash):
        self.journal = halves(flash)[0].blocks
        self.reset()
        flash.watch = self._take

    def reset(self):
        self.programmed = [0, 0]
        self.erased = [0, 0]

    def _take(self, kind, block, offset, data):
        ring = 0 if block < self.journal else 1
        if kind == ERASE:
            self.erased[ring] += 1
        else:
            self.programmed[ring] += len(data)


def take(parts, records, i):
    """One sample, and what app.py does after it; how many records are not durable then."""
    ring = parts.ring
    c = records.channels
    for j in range(c):
        ring.values[j] = records.values[i * c + j]
        ring.flags[j] = records.flags[i * c + j]
    ring.push(records.slots[i])
    keeper = parts.keeper
    keeper.work(0)
    keeper.work(ROOM_MS)
    keeper.work(ROOM_MS)
    if keeper.problem:
        raise OSError(keeper.problem)
    return i + 1 - keeper.number()


def run(records, counted, config, interval_ms, commit_ms, path):
    """One regime; the flash goes to `path`."""
    time.now_ms = 0
    flash = Flash(BLOCKS)
    cost = Cost(flash)
    parts = Parts(flash, records.channels, counted, config, interval_ms, commit_ms or NEVER_MS)
    cost.reset()
    most = 0
    slot = -1
    for i in range(records.count):
        time.sleep_ms(interval_ms * (records.slots[i] - slot) % 100000)
        slot = records.slots[i]
        most = max(most, take(parts, records, i))
    parts.keeper.settle()
    with open(path, "wb") as file:
        file.write(flash.image)
    told = {
        "records": records.count,
        "programmed": cost.programmed,
        "erased": cost.erased,
        "pages": [cost.journal, BLOCKS - cost.journal],
        "most_waiting": most,
    }
    print(json.dumps(told))


def main(folder, channels, count, counted, config, regimes):
    records = Records(folder + "/records", channels, count)
    names = {channel: "c%d" % channel for channel in counted}
    for i, (interval_ms, commit_ms) in enumerate(regimes):
        path = folder + "/flash-%d.bin" % i
        run(records, names, config, interval_ms, commit_ms, path)
