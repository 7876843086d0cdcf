# SPDX-License-Identifier: MIT
"""4-20 mA transmitter on a converter that a bus reads (ADS1115): pressure, level, chlorine.

Limits: NAMUR NE43 (scaling.py). A broken loop, or a fault that its transmitter reports, is missing,
never a number; between that and what measures it is suspect.
"""

from tirta_format.record import GOOD, MISSING, SUSPECT
from tirta_node.sensors.straight_line import StraightLine


class CurrentLoop:
    """`low` and `high` are the values at 4 and 20 mA."""

    def __init__(self, converter, shunt_mohm, low, high):
        self._converter = converter
        from tirta_node.sensors import scaling  # leaves RAM after the start

        limits = scaling.limits_uv(shunt_mohm)
        self._fault_low_uv, self._low_uv, self._high_uv, self._fault_high_uv = limits
        uv4 = 4 * shunt_mohm
        self._line = StraightLine(uv4, low, uv4 * 5, high)
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
