# SPDX-License-Identifier: MIT
"""Pulse flow meter: contact closures, one for so many litres, counted in hardware.

The counter runs on; the pulses of an interval are a difference of two readings, for reading and
resetting loses what comes in between. Value: pulses since the last sample.
"""

from tirta_node.sensors import row as rows


def most(most_hz, ms):
    """Pulses that may come in so long: a tenth more than can be, and two; 0 Hz: any number."""
    return most_hz * ms * 11 // 10000 + 2 if most_hz else 0x3FFFFFFF


class PulseRow:
    """`counter.value()` is a running count, which starts again at 0 at `turn` (0 = never). `last`:
    what the first sample counts from, the count at the start of sampling when left out. More than
    `most_hz` pulses a second come from no meter: such a count has failed.
    """

    def __init__(self, counter, turn=0, last=None, most_hz=0):
        self._counter = counter
        self._turn = turn
        self._last = last
        self._most_hz = most_hz

    def quick(self, row, period_ms):
        """The row for the tick, and the call that reads the count."""
        row[rows.KIND] = rows.COUNTER
        row[rows.LAST] = self._counter.value() if self._last is None else self._last
        row[rows.TURN] = self._turn
        row[rows.HIGH] = most(self._most_hz, period_ms)
        return self._counter.value
