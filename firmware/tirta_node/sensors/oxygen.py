# SPDX-License-Identifier: MIT
"""Dissolved oxygen from a galvanic probe, whose voltage follows the share of saturation.

The laptop computes what water saturated with air holds (Benson and Krause 1984, as in Standard
Methods 4500-O, with salinity and pressure): 21 values, from 0 to 40 degrees. The voltage in
saturated water grows with temperature, by `slope` of its value at `cal_centi` per degree. A probe
that is dead or torn off gives nothing: so little is missing, and what may be so is suspect.
"""

from micropython import const

from tirta_format.record import GOOD, MISSING, SUSPECT
from tirta_node.sensors.numbers import BAD, scaled

_STEP_CENTI = const(200)
_LAST_CENTI = const(3999)
_WHOLE = const(10000)
_BELOW = const(20)  # of the span below zero: no probe, with whatever drift
_NEARLY = const(50)  # of it above zero: a dead probe, or water as no network has it


class Oxygen:
    """`zero_uv`: without oxygen; `cal_uv`: in saturated water of `cal_centi`; `slope`: hundredths
    of a per cent per degree; `table`: saturation times the channel's scale.
    """

    def __init__(self, converter, water, zero_uv, cal_uv, cal_centi, slope, table):
        self._converter = converter
        self.water = water
        self._zero_uv = zero_uv
        self._span_uv = cal_uv - zero_uv
        self._cal_centi = cal_centi
        self._slope = slope
        self._table = table
        self.raw = 0
        self.value = 0
        self.flag = MISSING

    def sample(self):
        """Measure the voltage."""
        converter = self._converter
        self.flag = MISSING
        if not converter.measure():
            return
        uv = self.raw = converter.uv
        if not converter.low_uv < uv < converter.high_uv:
            return
        above_uv = uv - self._zero_uv
        if above_uv < -(self._span_uv // _BELOW):
            return
        known = self.water.read()
        centi = max(0, min(self.water.centi, _LAST_CENTI))
        ratio = _WHOLE + self._slope * (centi - self._cal_centi) // 100
        span_uv = self._span_uv // 100 * ratio // 100  # below 3.3 million times 3
        uv = max(0, above_uv)
        if span_uv <= 0:
            return
        value = scaled(uv >> 16, uv & 0xFFFF, 0, self._saturation(centi), span_uv)
        if value == BAD:
            return
        self.value = value
        self.flag = GOOD if known and above_uv > span_uv // _NEARLY else SUSPECT

    def _saturation(self, centi):
        i = centi // _STEP_CENTI
        low = self._table[i]
        return low + (self._table[i + 1] - low) * (centi - i * _STEP_CENTI) // _STEP_CENTI
