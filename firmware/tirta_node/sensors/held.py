# SPDX-License-Identifier: MIT
"""A channel on a slow bus: it holds what the bus last read, with its age."""

import time

from tirta_format.record import GOOD, MISSING


class Held:
    """What is older than `max_age_ms`, or was dropped, is missing: never an old value."""

    def __init__(self, max_age_ms):
        self._max_age_ms = max_age_ms
        self._held = 0
        self._held_flag = MISSING
        self._at_ms = 0
        self.value = 0
        self.flag = MISSING

    def put(self, value, at_ms, flag=GOOD):
        """The bus read `value`, whose measurement was asked for at `at_ms` (ticks)."""
        self._held = value
        self._held_flag = flag
        self._at_ms = at_ms

    def drop(self):
        """The bus has nothing, or nothing that can be trusted."""
        self._held_flag = MISSING

    def reaches(self, at_ms):
        """Whether what was asked for then is still young enough."""
        return 0 <= time.ticks_diff(time.ticks_ms(), at_ms) <= self._max_age_ms

    def sample(self):
        """Take what the bus holds."""
        if self._held_flag != MISSING:
            if self.reaches(self._at_ms):
                self.value = self._held
            else:
                self._held_flag = MISSING
        self.flag = self._held_flag
