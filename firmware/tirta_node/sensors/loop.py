# SPDX-License-Identifier: MIT
"""4-20 mA transmitter on a converter that a bus reads (ADS1115): pressure, level, chlorine.

Limits: NAMUR NE43. 3.8 to 20.5 mA measures; at or below 3.6 and at or above 21 mA the loop is
broken or the transmitter reports a fault: the value is missing, never a number. Between, suspect.
"""

from micropython import const

from tirta_format.record import GOOD, MISSING, SUSPECT
from tirta_node.sensors.line import Line

_FAULT_LOW_UA = const(3600)
_LOW_UA = const(3800)
_HIGH_UA = const(20500)
_FAULT_HIGH_UA = const(21000)


class CurrentLoop:
    """`low` and `high` are the values at 4 and 20 mA."""

    def __init__(self, converter, shunt_mohm, low, high):
        self._converter = converter
        self._fault_low_uv = _FAULT_LOW_UA * shunt_mohm // 1000
        self._low_uv = _LOW_UA * shunt_mohm // 1000
        self._high_uv = _HIGH_UA * shunt_mohm // 1000
        self._fault_high_uv = _FAULT_HIGH_UA * shunt_mohm // 1000
        uv4 = 4 * shunt_mohm
        self._line = Line(uv4, low, uv4 * 5, high)
        self.raw = 0
        self.value = 0
        self.flag = MISSING

    def sample(self):
        """Measure the current."""
        converter = self._converter
        if not converter.measure():
            self.flag = MISSING
            return
        uv = self.raw = converter.uv
        if uv <= self._fault_low_uv or uv >= self._fault_high_uv:
            self.flag = MISSING
            return
        self.value = self._line.at(uv)
        self.flag = GOOD if self._low_uv <= uv <= self._high_uv else SUSPECT
