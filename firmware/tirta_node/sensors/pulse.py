# SPDX-License-Identifier: MIT
"""Pulse flow meter: contact closures, one for so many litres, counted in hardware.

The counter runs on; the pulses of an interval are a difference of two readings, for reading and
resetting loses what comes in between. Value: pulses since the last sample.
"""

from tirta_node import rows


class PulseMeter:
    """`counter.value()` is a running count, which starts again at 0 at `turn` (0 = never)."""

    def __init__(self, counter, turn=0):
        self._counter = counter
        self._turn = turn

    def quick(self, row, period_ms):
        """The row for the tick, and the call that reads the count."""
        row[rows.KIND] = rows.COUNTER
        row[rows.LAST] = self._counter.value()
        row[rows.TURN] = self._turn
        return self._counter.value
