# SPDX-License-Identifier: MIT
"""DS18B20 thermometer on 1-Wire (Maxim data sheet 19-7487), the only one on its bus.

A conversion lasts 750 ms: `prepare` starts it, `sample` reads the scratchpad. Refused: no answer,
a wrong CRC, an all-zero scratchpad (its CRC is right), and 85 degrees, the power-on value.
"""

from micropython import const

from tirta_format.record import GOOD, MISSING

_SKIP_ROM = const(0xCC)
_CONVERT = const(0x44)
_READ_SCRATCHPAD = const(0xBE)
_POWER_ON = const(0x0550)  # 85 degrees in sixteenths


class DS18B20:
    """`scale`: values a degree Celsius."""

    counts = False

    def __init__(self, bus, scale):
        self._bus = bus
        self._scale = scale
        self._pad = bytearray(9)
        self._converting = False
        self.value = 0
        self.flag = MISSING

    def prepare(self):
        """Start a conversion."""
        self._converting = self._command(_CONVERT)

    def sample(self):
        """Read what was converted."""
        self.flag = MISSING
        if not self._converting or not self._command(_READ_SCRATCHPAD):
            return
        pad = self._pad
        self._bus.readinto(pad)
        raw = pad[0] | pad[1] << 8
        if self._bus.crc8(pad) or pad[4] == 0 or raw == _POWER_ON:
            return  # byte 4, the configuration, is never zero on a real chip
        if raw & 0x8000:
            raw -= 0x10000
        self.value = (raw * self._scale + 8) >> 4
        self.flag = GOOD

    def _command(self, code):
        if not self._bus.reset():
            return False
        self._bus.writebyte(_SKIP_ROM)
        self._bus.writebyte(code)
        return True
