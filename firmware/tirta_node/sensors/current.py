# SPDX-License-Identifier: MIT
"""4-20 mA transmitter over a shunt: pressure, level, turbidity, chlorine.

Limits: NAMUR NE43. 3.8 to 20.5 mA measures; at or below 3.6 and at or above 21 mA the loop is
broken or the transmitter reports a fault: the value is missing, never a number. Between, suspect.
What was read is microvolts over the shunt.
"""

from micropython import const

from tirta_node.sensors import row as rows
from tirta_node.sensors.scaling import put_line, readings

_FAULT_LOW_UA = const(3600)
_LOW_UA = const(3800)
_HIGH_UA = const(20500)
_FAULT_HIGH_UA = const(21000)


class CurrentLoop:
    """`low` and `high` are the values at 4 and 20 mA."""

    def __init__(self, converter, shunt_mohm, low, high):
        self._converter = converter
        self._shunt_mohm = shunt_mohm
        self._low = low
        self._high = high

    def quick(self, row, period_ms):
        """The row for the tick, and the call that reads microvolts."""
        shunt_mohm = self._shunt_mohm
        row[rows.KIND] = rows.LINE
        row[rows.READINGS] = readings(period_ms)
        row[rows.DEAD_LOW] = _FAULT_LOW_UA * shunt_mohm // 1000 + 1
        row[rows.LOW] = _LOW_UA * shunt_mohm // 1000
        row[rows.HIGH] = _HIGH_UA * shunt_mohm // 1000
        row[rows.DEAD_HIGH] = _FAULT_HIGH_UA * shunt_mohm // 1000 - 1
        uv4 = 4 * shunt_mohm
        put_line(row, uv4, self._low, uv4 * 5, self._high)
        return self._converter.read_uv
