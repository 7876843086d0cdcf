# SPDX-License-Identifier: MIT
"""The ring between sampler and log: a fixed number of records in RAM.

A record is a slot, and for each channel a value and a flag, in three arrays that are made once.
`head` is where the next record goes; nothing here allocates after that. What does not fit is
counted: the newest record is refused, for the older ones are nearer to the flash.
"""

from array import array

RAM_BYTES = 6000
_SLOT_BYTES = 4
_CHANNEL_BYTES = 5
_MOST = 128


class Ring:
    """`values[at:at + channels]` and `flags` alike belong to the record at `at // channels`."""

    def __init__(self, channels):
        fit = RAM_BYTES // (_SLOT_BYTES + _CHANNEL_BYTES * channels)
        self.capacity = min(_MOST, fit)
        self.channels = channels
        self.slots = array("i", bytes(4 * self.capacity))
        self.values = array("i", bytes(4 * self.capacity * channels))
        self.flags = bytearray(self.capacity * channels)
        self.count = 0
        self.refused = 0
        self._tail = 0

    def free(self):
        """Index into `values` and `flags` where the next record goes, or -1 when full."""
        if self.count == self.capacity:
            self.refused += 1
            return -1
        return (self._tail + self.count) % self.capacity * self.channels

    def push(self, slot):
        """The record at `free()` is complete."""
        self.slots[(self._tail + self.count) % self.capacity] = slot
        self.count += 1

    def is_filling(self):
        """Whether it is time to write, whatever the clock says."""
        return self.count * 2 >= self.capacity

    def at(self, i):
        """Position of the i-th oldest record; its values begin at that times `channels`."""
        return (self._tail + i) % self.capacity

    def drop(self, n):
        """The `n` oldest records are safe in flash."""
        self._tail = (self._tail + n) % self.capacity
        self.count -= n
