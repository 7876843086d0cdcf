# SPDX-License-Identifier: MIT
"""How long the pieces of work between samples last: of each kind how many, and the longest. And
how long together, so that the loop knows without another look at the clock how near the next is.
"""

import time
from array import array

GC, LINK = 3, 4  # beside ENCODE, COMMIT and ERASE of the keeper
KINDS = 5
_MOST = 0x3FFFFFFF


class Stopwatch:
    """`counts[kind]` pieces, the longest of them `worst_us[kind]`; `passed_us` since `begin`."""

    def __init__(self):
        self.counts = array("i", bytes(4 * KINDS))
        self.worst_us = array("i", bytes(4 * KINDS))
        self.begin()

    def begin(self):
        """The first piece begins."""
        self._since = time.ticks_us()
        self.passed_us = 0

    def done(self, kind):
        """A piece is done, and the next begins; a negative kind was none."""
        now = time.ticks_us()
        us = time.ticks_diff(now, self._since)
        self._since = now
        self.passed_us += us
        if kind < 0:
            return
        self.worst_us[kind] = max(self.worst_us[kind], us)
        if self.counts[kind] < _MOST:
            self.counts[kind] += 1
