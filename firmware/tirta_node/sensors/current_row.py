# SPDX-License-Identifier: MIT
"""4-20 mA transmitter over a shunt: pressure, level, turbidity, chlorine.

Limits: NAMUR NE43 (scaling.py). A broken loop, or a fault that its transmitter reports, is missing,
never a number; between that and what measures it is suspect.
What was read is microvolts over the shunt.
"""

from tirta_node.sensors import row as rows
from tirta_node.sensors.scaling import limits_uv, put_line, readings


class CurrentRow:
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
        fault_low, row[rows.LOW], row[rows.HIGH], fault_high = limits_uv(shunt_mohm)
        row[rows.DEAD_LOW] = fault_low + 1
        row[rows.DEAD_HIGH] = fault_high - 1
        uv4 = 4 * shunt_mohm
        put_line(row, uv4, self._low, uv4 * 5, self._high)
        return self._converter.read_uv
