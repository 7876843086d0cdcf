# SPDX-License-Identifier: MIT
"""The ring between sampler and log: a fixed number of records in RAM.

A record lies as the compressor takes it, in 16-bit *halves*: the slip (slots left out before it),
the values, the flags. The sampler leaves its readings in `values` and `flags`; `push` packs them.
Nothing here allocates after the start. When it is full the newest record is refused and counted,
for the older ones are nearer to the flash.
"""

from array import array

from micropython import const

from tirta_format.record import GOOD
from tirta_node import packer

RAM_BYTES = 2600
_MOST = const(64)


class Ring:
    """`records[at(i):]` is the i-th oldest record, `slots[place(i)]` its slot."""

    def __init__(self, channels):
        self.channels = channels
        self.width = packer.record_halves(channels)
        self.capacity = min(_MOST, RAM_BYTES // (2 * self.width + 4))
        self.records = array("H", bytes(2 * self.width * self.capacity))
        self.slots = array("i", bytes(4 * self.capacity))
        self.values = array("i", bytes(4 * max(channels, 1)))
        self.flags = bytearray([GOOD] * channels)
        self.count = 0
        self.refused = 0
        self.next_slot = 0  # of the next record, if none is left out
        self._tail = 0

    def is_full(self):
        """Whether `push` must not be called."""
        return self.count == self.capacity

    def push(self, slot):
        """Take `values` and `flags` as the record of `slot`."""
        place = self.place(self.count)
        packer.capture(
            self.records, place * self.width, self.values, self.flags, self.channels,
            slot - self.next_slot,
        )  # fmt: skip
        self.slots[place] = slot
        self.next_slot = slot + 1
        self.count += 1

    def first_slot(self):
        """Slot of the oldest record, or of the next when the ring is empty."""
        return self.slots[self._tail] if self.count else self.next_slot

    def place(self, i):
        """Where the i-th oldest record lies."""
        return (self._tail + i) % self.capacity

    def at(self, i):
        """Index of its first half."""
        return self.place(i) * self.width

    def begin_at(self, i):
        """The i-th oldest record is the first that a decoder sees: nothing lies before it."""
        self.records[self.at(i)] = self.records[self.at(i) + 1] = 0

    def value(self, i, channel):
        """A value of the i-th oldest record, signed."""
        at = self.at(i) + 2 + 2 * channel
        high = self.records[at + 1]
        return self.records[at] | (high - ((high & 0x8000) << 1)) << 16

    def flag(self, i, channel):
        """A flag of the i-th oldest record."""
        half = self.records[self.at(i) + 2 + 2 * self.channels + (channel >> 2)]
        return half >> ((channel & 3) << 2) & 15

    def unpack(self, i, values, flags):
        """Copy the i-th oldest record into `values` and `flags`."""
        for channel in range(self.channels):
            values[channel] = self.value(i, channel)
            flags[channel] = self.flag(i, channel)

    def drop(self, n):
        """The `n` oldest records are in the log."""
        self._tail = (self._tail + n) % self.capacity
        self.count -= n
