# SPDX-License-Identifier: MIT
"""What samples: groups of channels with one period each, and what came of them.

`tick(cells, state, now, parts)` samples whatever is due and says in how many ms it wants to be
called again; it is the kernel of tick_viper.py where every channel is sampled once a record, and
that of rates_viper.py elsewhere. assemble.py builds all of this.
"""

# As in tick_viper.py.
DUE, SLOT, BUSY, OVERRUNS, FLASH, WORST, BINS, BINS_END = 0, 2, 5, 6, 7, 8, 9, 20


class Group:
    """Channels with one period. `cells` is where their samples go, as a kernel wants to have it."""

    def __init__(self, period_ms, channels, words):
        self.period_ms = period_ms
        self.channels = channels  # their indexes
        self.words = words
        self.state = words
        self.cells = None
        self.parts = ()
        self.bench = None


class Sampler:
    """`names` are the channels', `columns` those of a record's values."""

    def __init__(self, groups, buses, names, columns):
        self.groups = groups
        self.buses = buses
        self.names = names
        self.columns = columns
        self.tick = None
        self.parts = self.state = self.cells = None

    def flash_was_busy(self):
        """Deadlines that are found to have passed now are the flash's."""
        for group in self.groups:
            group.words[BUSY] = 1

    def poll(self, wait_ms):
        """One step of each bus; the ms until one of them wants the next, at most `wait_ms`."""
        for bus in self.buses:
            wait_ms = min(wait_ms, bus.poll())
        return wait_ms

    def slots(self):
        """Periods of the fastest group since the boot began."""
        return self.groups[0].words[SLOT]

    def overruns(self, of):
        """Deadlines that passed unseen: `of` is OVERRUNS or FLASH."""
        return sum(group.words[of] for group in self.groups)
