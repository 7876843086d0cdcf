# SPDX-License-Identifier: MIT
"""Records in a chunk (FORMAT.md section 4): differences to the record before, as varints.

A *record* is a slot, and for each channel a value and a quality flag. The encoder here and the
decoder in `record_reader` keep the same prediction; `restart` begins it anew.
"""

from tirta_format import varint

GOOD = 1
NOT_EVALUATED = 2
SUSPECT = 3
FAIL = 4
MISSING = 9

PLACE_BYTES = 15  # of a place, at most
GAP = 1  # in the head of a record
FLAGS = 2


class Prediction:
    """What encoder and decoder know of the record before."""

    def __init__(self, channels):
        self.channels = channels
        self.values = [0] * channels
        self.flags = bytearray(channels)
        self.restart(0, 0, 0)

    def restart(self, boot, number, slot):
        """The next record has this number, and this slot of this boot if no gap comes before it."""
        self.boot = boot
        self.number = number
        self.slot = slot
        for i in range(self.channels):
            self.values[i] = 0
            self.flags[i] = GOOD


class Encoder(Prediction):
    """Writes records into a buffer."""

    def bound(self):
        """The most bytes that one record can take."""
        return 1 + 5 + (self.channels + 1) // 2 + 5 * self.channels

    def put_place(self, buf, at):
        """Write what a chunk of kind 2 begins with; return the index after it."""
        at = varint.put(buf, at, self.boot)
        return varint.put(buf, varint.put(buf, at, self.number), self.slot)

    def put(self, buf, at, slot, values, flags, first):
        """Write the record of `slot`, whose channels are `values[first:]` and `flags[first:]`.

        Returns the index after it. Raises ValueError for a slot that is not after the last one.
        """
        gap = slot - self.slot
        if gap < 0:
            raise ValueError("slot goes back")
        n = self.channels
        head = at
        buf[head] = GAP if gap else 0
        at += 1
        if gap:
            at = varint.put(buf, at, gap)
        old = self.flags
        for i in range(n):
            if flags[first + i] != old[i]:
                buf[head] |= FLAGS
                at = self._put_flags(buf, at, flags, first)
                break
        last = self.values
        for i in range(n):
            if old[i] != MISSING:
                value = values[first + i]
                at = varint.put(buf, at, varint.zigzag(value - last[i]))
                last[i] = value
        self.number += 1
        self.slot = slot + 1
        return at

    def _put_flags(self, buf, at, flags, first):
        old = self.flags
        for i in range(self.channels):
            flag = flags[first + i]
            old[i] = flag
            if i & 1:
                buf[at] |= flag << 4
                at += 1
            else:
                buf[at] = flag
        return at + (self.channels & 1)
