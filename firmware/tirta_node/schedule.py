# SPDX-License-Identifier: MIT
"""When the next record is due: deadlines, not sleeps, so that nothing drifts.

A *slot* is one interval since the boot began. A deadline that passed unseen is not caught up: its
slot stays empty, and is counted as an overrun.
"""

import time


class Schedule:
    """Deadlines every `interval_ms`, the first one interval from now."""

    def __init__(self, interval_ms):
        self.interval_ms = interval_ms
        self.slot = 0  # of the next deadline
        self.overruns = 0
        self.worst_late_ms = 0
        self._due = time.ticks_add(time.ticks_ms(), interval_ms)

    def left_ms(self):
        """Until the next deadline; negative = late."""
        return time.ticks_diff(self._due, time.ticks_ms())

    def take(self):
        """The deadline has come: return its slot and set the next."""
        late = -self.left_ms()
        self.worst_late_ms = max(self.worst_late_ms, late)
        while late >= self.interval_ms:
            self._step()
            self.overruns += 1
            late -= self.interval_ms
        slot = self.slot
        self._step()
        return slot

    def _step(self):
        self.slot += 1
        self._due = time.ticks_add(self._due, self.interval_ms)
