# SPDX-License-Identifier: MIT
"""The chip's converter for a driver: the mean of a few readings, whose noise is some millivolts.

A *converter* has `measure()`, which says whether `uv` (microvolts) can be used, and the ends of the
range in which it measures, `low_uv` and `high_uv`.
"""

from micropython import const

_SHIFT = const(3)


class Mean:
    """Mean of 8 readings of a `machine.ADC`; about 0.3 ms on an ESP32."""

    # An ESP32 at 11 dB measures 150 to 2450 mV (data sheet); beyond, it saturates.
    low_uv = 150000
    high_uv = 2450000

    def __init__(self, adc):
        self._adc = adc
        self.uv = 0

    def measure(self):
        """Read; always True."""
        adc = self._adc
        total = 0
        for _ in range(1 << _SHIFT):
            total += adc.read_uv()
        self.uv = total >> _SHIFT
        return True
