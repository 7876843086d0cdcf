# SPDX-License-Identifier: MIT
"""A channel on a slow bus: it holds what the bus last read, with its age."""

import time

from tirta_format.record import GOOD, MISSING


class Held:
    """What is older than `max_age_ms`, or was dropped, is missing: never an old value."""

    def __init__(self, max_age_ms):
        self._max_age_ms = max_age_ms
        self._held = 0
        self._at_ms = 0
        self._fresh = False
        self.value = 0
        self.flag = MISSING

    def put(self, value, at_ms):
        """The bus read `value`, whose measurement was asked for at `at_ms` (ticks)."""
        self._held = value
        self._at_ms = at_ms
        self._fresh = True

    def drop(self):
        """The bus has nothing, or nothing that can be trusted."""
        self._fresh = False

    def sample(self):
        """Take what the bus holds."""
        if self._fresh:
            age_ms = time.ticks_diff(time.ticks_ms(), self._at_ms)
            if 0 <= age_ms <= self._max_age_ms:
                self.value = self._held
                self.flag = GOOD
                return
            self._fresh = False
        self.flag = MISSING
