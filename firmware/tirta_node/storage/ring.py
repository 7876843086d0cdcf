# SPDX-License-Identifier: MIT
"""The ring between sampler and log: a fixed number of records in RAM.

A record lies as the compressor takes it, in 16-bit *halves*: the slip (slots left out before it),
the values, the flags. The sampler leaves its readings in `values` and `flags`; `take` packs them.
Nothing here allocates after the start. When it is full the newest record is refused and counted,
for the older ones are nearer to the flash.

All of it is one array, because a kernel gets a single address for less than a second argument costs
it.
"""

from array import array

import uctypes

from tirta_node.storage import codec_viper

RAM_BYTES = 2600
# A node with few channels has room for longer chunks, which cost it least: their frames weigh most.
_FEW_BYTES, _EACH_BYTES = 4608, 512
MOST = 255
_GOOD = 1  # as in record.py
# As in codec_viper.py.
_WIDTH, _ROOM, _FIRST, USED, _NEXT, _RING_CHANNELS, _SUM_LOW, _SUM_HIGH = 0, 1, 2, 3, 4, 5, 6, 7
_FLAGS_AT, _SLOTS_AT, _RECORDS_AT, _VALUES_AT = 8, 9, 10, 11


def record_halves(channels):
    """Slip (2), values (2 each), flags (4 a half), made even: whole 32-bit words."""
    return 2 + 2 * channels + 2 * ((channels + 7) // 8)


def room(channels):
    """Records that fit into the RAM that a ring gets."""
    ram = max(RAM_BYTES, _FEW_BYTES - _EACH_BYTES * channels)
    return min(MOST, ram // (2 * record_halves(channels) + 4))


class Ring:
    """`records[at(i):]` is the i-th oldest record, `slots[place(i)]` its slot; `state[USED]` of
    `capacity` records are there. `take(handle, slot)` is `push`, for who calls it often, and
    `alone(handle, to, i, at, low, high)` writes the i-th oldest as a record of the journal.
    """

    def __init__(self, channels, capacity=0, kernels=codec_viper):
        self.channels = channels
        self.width = record_halves(channels)
        self.capacity = capacity or room(channels)
        self.refused = 0
        flags = _VALUES_AT + channels
        slots = flags + (channels + 3) // 4
        records = slots + self.capacity
        size = self.width * self.capacity
        state = array("i", bytes(4 * records + 2 * size))
        at = uctypes.addressof(state)
        self.values = memoryview(state)[_VALUES_AT:flags]
        self.flags = uctypes.bytearray_at(at + 4 * flags, 4 * (slots - flags))
        self.slots = memoryview(state)[slots:records]
        self.records = uctypes.struct(
            at + 4 * records, (uctypes.ARRAY, size | uctypes.UINT16), uctypes.NATIVE
        )
        self.kernels = kernels
        self.take = kernels.push
        self._add_up = kernels.add_up
        self.alone = kernels.alone
        self.handle = at
        for i in range(len(self.flags)):
            self.flags[i] = _GOOD
        self.state = state
        state[_WIDTH] = self.width
        state[_ROOM] = self.capacity
        state[_RING_CHANNELS] = channels
        state[_FLAGS_AT] = flags
        state[_SLOTS_AT] = slots
        state[_RECORDS_AT] = records

    def count(self):
        """Records that are there."""
        return self.state[USED]

    def is_full(self):
        """Whether `push` must not be called."""
        return self.state[USED] == self.capacity

    def push(self, slot):
        """Take `values` and `flags` as the record of `slot`."""
        self.take(self.handle, slot)

    def refuse(self):
        """There is no room for a record."""
        self.refused += 1

    def begin(self, slot):
        """The first record comes in `slot`."""
        self.state[_NEXT] = slot

    def first_slot(self):
        """Slot of the oldest record, or of the next when the ring is empty."""
        state = self.state
        return (self.slots[state[_FIRST]] if state[USED] else state[_NEXT]) & 0xFFFFFFFF

    def slot(self, i):
        """Slot of the i-th oldest record."""
        return self.slots[(self.state[_FIRST] + i) % self.capacity] & 0xFFFFFFFF

    def place(self, i):
        """Where the i-th oldest record lies."""
        return (self.state[_FIRST] + i) % self.capacity

    def at(self, i):
        """Index of its first half."""
        return self.place(i) * self.width

    def begin_page(self):
        """The oldest record is the first that a decoder sees: nothing lies before it."""
        at = self.at(0)
        self.records[at] = self.records[at + 1] = 0

    def unpack(self, i, values, flags):
        """Copy the i-th oldest record into `values` and `flags`."""
        records = self.records
        at = self.at(i) + 2
        end = at + 2 * self.channels
        for c in range(self.channels):
            high = records[at + 1]
            values[c] = records[at] | (high - ((high & 0x8000) << 1)) << 16
            flags[c] = records[end + (c >> 2)] >> ((c & 3) << 2) & 15
            at += 2

    def total(self, n, channel):
        """Sum of a channel over the `n` oldest records, without the missing ones."""
        self._add_up(self.handle, n, channel)
        return self.state[_SUM_LOW] + (self.state[_SUM_HIGH] << 16)

    def drop(self, n):
        """The `n` oldest records are in the log."""
        state = self.state
        state[_FIRST] = (state[_FIRST] + n) % self.capacity
        state[USED] -= n
