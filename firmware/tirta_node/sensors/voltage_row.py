# SPDX-License-Identifier: MIT
"""A probe amplifier that gives a voltage (pH and the like): a line through two points.

What was read is microvolts.
"""

from micropython import const

from tirta_node.sensors import row as rows
from tirta_node.sensors.scaling import put_line, readings

# The converter of an ESP32 at 11 dB measures 150 to 2450 mV (data sheet); beyond, it saturates.
_LEAST_UV = const(150000)
_MOST_UV = const(2450000)
_FAR = const(0x3FFFFFFF)


class VoltageRow:
    """`first` and `second` are points (microvolts, value)."""

    def __init__(self, converter, first, second):
        self._converter = converter
        self._first = first
        self._second = second

    def quick(self, row, period_ms):
        """The row for the tick, and the call that reads microvolts."""
        row[rows.KIND] = rows.LINE
        row[rows.READINGS] = readings(period_ms)
        row[rows.DEAD_LOW] = 0
        row[rows.LOW] = _LEAST_UV
        row[rows.HIGH] = _MOST_UV
        row[rows.DEAD_HIGH] = _FAR
        x0, y0 = self._first
        x1, y1 = self._second
        put_line(row, x0, y0, x1, y1)
        return self._converter.read_uv
