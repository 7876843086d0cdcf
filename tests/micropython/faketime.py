# SPDX-License-Identifier: MIT
"""A `time` that tests turn by hand, with the chip's wrap at 2^30, and no allocation on 32 bits.

Import it before anything of ours: it takes the place of the module.
"""

import sys

HALF = 1 << 29
MASK = (1 << 30) - 1


class Time:
    """`now_ms` is what `ticks_ms` says."""

    def __init__(self):
        self.now_ms = MASK - 20000  # as the virtual board: the wrap comes soon

    def ticks_ms(self):
        return self.now_ms

    def ticks_us(self):
        return self.now_ms % 100000 * 1000

    def ticks_diff(self, a, b):
        diff = (a - b) & MASK
        return diff if diff < HALF else diff - HALF - HALF

    def ticks_add(self, a, delta):
        room = MASK - a
        return a + delta if delta <= room else delta - room - 1

    def sleep_ms(self, ms):
        self.now_ms = self.ticks_add(self.now_ms, ms)


time = Time()
sys.modules["time"] = time
