# SPDX-License-Identifier: MIT
"""A probe amplifier that gives a voltage (pH and the like): a line through two points."""

from micropython import const

from tirta_format.record import GOOD, SUSPECT
from tirta_node.sensors.analog import read_uv
from tirta_node.sensors.scaling import Line

# The converter of an ESP32 at 11 dB measures 150 to 2450 mV (data sheet); beyond, it saturates.
_LEAST_UV = const(150000)
_MOST_UV = const(2450000)
_REACH_UV = const(3300000)


class Voltage:
    """`first` and `second` are points (microvolts, value)."""

    counts = False

    def __init__(self, converter, first, second):
        self._converter = converter
        self._line = Line(first[0], first[1], second[0], second[1], _REACH_UV)
        self.value = 0
        self.flag = SUSPECT

    def prepare(self):
        """Nothing: the converter is quick."""

    def sample(self):
        """Measure the voltage."""
        uv = read_uv(self._converter)
        self.value = self._line.at(uv)
        self.flag = GOOD if _LEAST_UV <= uv <= _MOST_UV else SUSPECT
