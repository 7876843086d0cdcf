# SPDX-License-Identifier: MIT
"""Builds what samples: the tables of the tick, from the config and its drivers.

Called by `unload`: neither this nor a driver that has filled in its row stays in RAM.
"""

import time
from array import array

import uctypes

from tirta_format import columns
from tirta_format.record import MISSING
from tirta_node.sampling.sampler import Group, Sampler
from tirta_node.sampling.tick_viper import tick
from tirta_node.sensors import row as rows

# As in tick_viper.py.
_DUE, _PERIOD, _SLOT, _LEAD, _HELD, _READS, _MORE, _RECORDS = 0, 1, 2, 3, 20, 21, 22, 23
_READ = 24
_ROWS = 25
_TICKS = 0x3FFFFFFF
_DRIVER_WORDS = 3
LIMITS = ("qc_fail", "qc_suspect", "qc_spike", "qc_rate", "qc_flat")


def sampler(node, drivers, buses):
    """The Sampler of a node's checked config, for its ring."""
    channels, interval_ms = node.config["channels"], node.config["interval_ms"]
    made = build(drivers, buses, channels, interval_ms, node.ring, node.clock.uptime_ms())
    node.keeper.erase_within(made.groups[0].period_ms)
    for driver in drivers:
        if hasattr(driver, "save"):  # the battery's
            driver.save(node.keeper)
        if hasattr(driver, "begun"):
            driver.begun(node.keeper.log.boot)
    return made


def build(drivers, buses, channels, interval_ms, ring, uptime_ms=0):
    """The Sampler of these drivers, one for each channel, whose deadlines are whole periods of the
    uptime: what passed before `uptime_ms`, which is now, is left out.
    """
    found = columns.columns(channels)
    for i in range(len(found)):
        ring.flags[i] = MISSING
    periods = {}
    for i, channel in enumerate(channels):
        period_ms = columns.period_ms(channel, interval_ms)
        periods.setdefault(period_ms, []).append(i)
    built = _Builder(drivers, channels, interval_ms, ring, found, uptime_ms)
    ring.begin(uptime_ms // interval_ms)
    groups = [built.group(period, periods[period]) for period in sorted(periods)]
    names = [channel["name"] for channel in channels]
    made = Sampler(groups, buses, names, [name for name, _, _ in found])
    special = [c for c in channels if "stats" in c or any(key in c for key in LIMITS)]
    if list(periods) == [interval_ms] and not special:
        built.straight(groups[0])
        made.tick, made.parts = built.tick, groups[0].parts
        made.state, made.cells = groups[0].state, groups[0].cells
    else:
        from tirta_node.sampling import accounts

        accounts.spread(built, made)
    return made


class _Builder:
    def __init__(self, drivers, channels, interval_ms, ring, found, uptime_ms):
        self.drivers = drivers
        self.channels = channels
        self.interval_ms = interval_ms
        self.ring = ring
        self.found = found
        self.start = time.ticks_ms()
        self.uptime_ms = uptime_ms
        self.tick = tick

    def group(self, period_ms, members):
        """A Group without cells."""
        size = _ROWS
        for i in members:
            size += rows.WORDS if hasattr(self.drivers[i], "quick") else _DRIVER_WORDS
        words = array("i", bytes(4 * size))
        words[_SLOT], beyond_ms = divmod(self.uptime_ms, period_ms)
        words[_DUE] = self.start + period_ms - beyond_ms & _TICKS
        words[_READ] = words[_SLOT] - 2  # the first period may be longer than one
        words[_PERIOD] = period_ms
        made = Group(period_ms, members, words)
        made.state = uctypes.addressof(words)
        return made

    def straight(self, group):
        """Have the group's samples go right into the ring, each tick a record."""
        cells = {}
        for i, (_, channel, what) in enumerate(self.found):
            cells[channel, what == columns.RAW] = i
        self.wire(group, self.ring.handle, cells, self.ring.refuse, ())

    def wire(self, group, handle, cells, full, then, of=None):
        """Fill in the rows. `cells`: (channel, whether raw) to its cell; `of`: what the steps of
        `then` get, the handle when left out.
        """
        quick = [i for i in group.channels if hasattr(self.drivers[i], "quick")]
        held = [i for i in quick if getattr(self.drivers[i], "held", False)]
        others = [self.drivers[i] for i in group.channels if i not in quick]
        reads = []
        at = _ROWS
        for i in [i for i in quick if i not in held] + held:
            row = memoryview(group.words)[at : at + rows.WORDS]
            at += rows.WORDS
            _place(row, cells, i)
            reads.append(self.drivers[i].quick(row, group.period_ms))
        for i in group.channels:
            if i not in quick:
                _place(memoryview(group.words)[at : at + _DRIVER_WORDS], cells, i)
                at += _DRIVER_WORDS
        slow = [driver for driver in others if getattr(driver, "lead_ms", 0)]
        for driver in slow:
            group.words[_LEAD] = max(group.words[_LEAD], driver.lead_ms)
        group.words[_HELD] = len(held)
        group.words[_READS] = len(quick) - len(held)
        group.words[_MORE] = 1 if others or then else 0
        group.words[_RECORDS] = 0 if then else 1
        group.cells = handle
        rest = tuple(others), tuple(slow), full, then, handle if of is None else of
        group.parts = _chain(reads[: len(quick) - len(held)], rest)


def _chain(reads, rest):
    """The calls in fours as the tick unpacks them; the first have what is over."""
    chain = None
    while len(reads) > 4:
        chain = tuple(reads[-4:]) + (chain, rest)
        reads = reads[:-4]
    return tuple(reads + [None] * (4 - len(reads))) + (chain, rest)


def _place(row, cells, channel):
    row[rows.CELL] = cells[channel, False]
    row[rows.RAW] = cells.get((channel, True), -1) + 1
