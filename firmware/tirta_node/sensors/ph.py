# SPDX-License-Identifier: MIT
"""pH electrode behind an amplifier: pH = 7 + (E0 - E) / (slope * T), T in kelvin.

The slope is Nernst's, ln(10) R / F = 0.198416 mV/K (59.16 mV at 25 degrees), times that of the
electrode in per cent; E0 is its voltage in a buffer of pH 7. IUPAC Recommendations 2002, pH.
"""

from micropython import const

from tirta_format.record import GOOD, MISSING, SUSPECT
from tirta_node.sensors.straight_line import StraightLine

_NERNST = const(19842)  # hundredths of a microvolt per kelvin
_ZERO_CENTI = const(27315)
_FAULT_UV = const(700000)  # no electrode gives so much: pH 14 at 100 degrees is 520 mV
_WHOLE = const(10000)


class PH:
    """`zero_uv`: at the converter when E = 0; `gain_milli`: amplification times 1000, negative when
    it inverts; `offset_uv`: E0; `slope`: 10000 = 100 %; `scale` 1 to 1000 values a pH.
    """

    def __init__(self, converter, water, zero_uv, gain_milli, offset_uv, slope, scale):
        self._converter = converter
        self.water = water
        self._line = StraightLine(zero_uv, 0, zero_uv + gain_milli * 1000, 1000000)
        self._offset_uv = offset_uv
        self._slope = slope
        self._scale = scale
        self.raw = 0
        self.value = 0
        self.flag = MISSING

    def sample(self):
        """Measure the voltage."""
        converter = self._converter
        self.flag = MISSING
        if not converter.measure() or not converter.low_uv < converter.uv < converter.high_uv:
            return
        self.raw = converter.uv
        e_uv = self._line.at(converter.uv) - self._offset_uv
        if not -_FAULT_UV < e_uv < _FAULT_UV:
            return
        self.flag = GOOD if self.water.read() else SUSPECT
        step_uv = (_ZERO_CENTI + self.water.centi) * _NERNST // _WHOLE * self._slope // _WHOLE
        scale = self._scale
        self.value = 7 * scale + ((step_uv >> 1) - e_uv * scale) // step_uv
        if not 0 <= self.value <= 14 * scale:
            self.flag = SUSPECT
