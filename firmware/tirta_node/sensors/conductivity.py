# SPDX-License-Identifier: MIT
"""Conductivity, or dissolved solids as a multiple of it, as it would be at 25 degrees.

k25 = k / (1 + alpha (T - 25)), alpha 2 % per degree for fresh water (ISO 7888, 1985: linear).
"""

from micropython import const

from tirta_format.record import GOOD, MISSING, SUSPECT
from tirta_node.sensors.curve import Curve
from tirta_node.sensors.numbers import BAD, scaled

_REFERENCE_CENTI = const(2500)
_ONE = const(1000000)
_LEAST = const(200000)  # alpha has no meaning so far from 25 degrees


class Conductivity(Curve):
    """`alpha`: hundredths of a per cent per degree (200 = 2 %)."""

    def __init__(self, converter, points, water, alpha):
        super().__init__(converter, points)
        self.water = water
        self._alpha = alpha

    def sample(self):
        """Measure, and refer to 25 degrees."""
        super().sample()
        if self.flag == MISSING:
            return
        known = self.water.read()
        value = self.value
        divisor = _ONE + self._alpha * (self.water.centi - _REFERENCE_CENTI)
        if divisor < _LEAST:
            self.flag = MISSING
            return
        magnitude = abs(value)
        found = scaled(magnitude >> 16, magnitude & 0xFFFF, 0, _ONE, divisor)
        if found == BAD:
            self.flag = MISSING
            return
        self.value = found if value >= 0 else -found
        if self.flag == GOOD and not known:
            self.flag = SUSPECT
