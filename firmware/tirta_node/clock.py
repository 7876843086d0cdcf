# SPDX-License-Identifier: MIT
"""Time on a node: ticks order everything, wall time is an anchor beside them.

*Uptime* is ms since the clock began, unwrapped from ticks (which wrap after 12.4 days). An
*anchor* says which Unix time belongs to an uptime, who said so, and how uncertain it is. Steps of
the wall clock change anchors, never uptime, so no deadline moves.
"""

import time

from tirta_format import meta

UNKNOWN_MS = 0
DRIFT_PPM = 20  # of the crystal, per the data sheets of common ESP32 modules: +-10, and ageing
SYNCHRONISED_MS = 1000


class Clock:
    """Uptime and the last anchor."""

    def __init__(self):
        self._ticks = time.ticks_ms()
        self._uptime_ms = 0
        self.anchor_uptime_ms = 0
        self.anchor_unix_ms = UNKNOWN_MS
        self.source = meta.CLOCK_NONE
        self.uncertainty_ms = 0

    def uptime_ms(self):
        """Milliseconds since this clock began. Call it at least once in six days."""
        now = time.ticks_ms()
        self._uptime_ms += time.ticks_diff(now, self._ticks)
        self._ticks = now
        return self._uptime_ms

    def set(self, unix_ms, source, uncertainty_ms):
        """It is `unix_ms` now: a new anchor."""
        self.anchor_uptime_ms = self.uptime_ms()
        self.anchor_unix_ms = unix_ms
        self.source = source
        self.uncertainty_ms = uncertainty_ms

    def unix_ms(self):
        """Unix time in ms, or 0 when nobody said."""
        if self.source == meta.CLOCK_NONE:
            return UNKNOWN_MS
        return self.anchor_unix_ms + self.uptime_ms() - self.anchor_uptime_ms

    def start_unix_ms(self):
        """Unix time in ms of uptime 0, or 0."""
        if self.source == meta.CLOCK_NONE:
            return UNKNOWN_MS
        return self.anchor_unix_ms - self.anchor_uptime_ms

    def uncertainty_now_ms(self):
        """How far `unix_ms` may be off: the anchor's, and the drift since."""
        age_ms = self.uptime_ms() - self.anchor_uptime_ms
        return self.uncertainty_ms + age_ms * DRIFT_PPM // 1000000

    def quality(self):
        """`unset`, `holdover` or `synchronised`."""
        if self.source == meta.CLOCK_NONE:
            return "unset"
        if self.uncertainty_now_ms() > SYNCHRONISED_MS:
            return "holdover"
        return "synchronised"
