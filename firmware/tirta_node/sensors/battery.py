# SPDX-License-Identifier: MIT
"""Battery voltage behind a divider, and whether it is time to save.

Below `low` for three samples in a row the supply is *low*, until it is a twentieth above.
"""

from micropython import const

from tirta_format.record import GOOD, MISSING
from tirta_node.sensors.straight_line import StraightLine

_SAMPLES = const(3)
_NEVER_MS = const(0x3FFFFFFF)


class Battery:
    """`divider`: battery over pin, times 1000; `low` in value times scale, 0 = never."""

    def __init__(self, converter, divider, scale, low):
        self._converter = converter
        self._line = StraightLine(0, 0, 1000000, divider * scale // 1000)
        self._low = low
        self._below = 0
        self._keeper = None
        self.low = False
        self.raw = 0
        self.value = 0
        self.flag = MISSING

    def sample(self):
        """Measure the voltage."""
        converter = self._converter
        converter.measure()
        self.raw = converter.uv
        self.flag = MISSING
        if converter.uv <= converter.low_uv:
            return  # no battery: the node would not run from it
        if converter.uv >= converter.high_uv:
            self._below = 0  # how much more it is cannot be told
            return
        self.value = self._line.at(converter.uv)
        self.flag = GOOD
        if self.value < self._low:
            self._below += 1
            if self._below >= _SAMPLES:
                self._turn(True)
            return
        self._below = 0
        if self.value >= self._low + self._low // 20:
            self._turn(False)

    def save(self, keeper):
        """From now on `keeper` commits at once and erases nothing ahead while the supply is low."""
        self._keeper = keeper
        self._commit_ms = keeper.commit_ms
        self._erase_room_ms = keeper.erase_room_ms

    def _turn(self, low):
        self.low = low
        keeper = self._keeper
        if keeper is not None:
            keeper.commit_ms = 0 if low else self._commit_ms
            keeper.erase_room_ms = _NEVER_MS if low else self._erase_room_ms
