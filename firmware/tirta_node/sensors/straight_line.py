# SPDX-License-Identifier: MIT
"""A straight line in integers that stay below 2^30, where the chip begins to allocate."""


class StraightLine:
    """`at(x)` = y0 + (x - x0) * (y1 - y0) / (x1 - x0), rounded, for x within 6.2 million."""

    def __init__(self, x0, y0, x1, y1):
        from tirta_node.sensors import scaling  # leaves RAM after the start

        made = scaling.line(x0, y0, x1, y1)
        self._x0, self._y0, self._whole, fraction, self._half, self._falls = made
        self._digits = bytes([fraction >> shift & 127 for shift in (0, 7, 14, 21)])

    def at(self, x):
        """The value at `x`, without allocating."""
        x -= self._x0
        if self._falls:
            x = -x
        digits = self._digits
        n = x * digits[0] >> 7
        n = x * digits[1] + n >> 7
        n = x * digits[2] + n >> 7
        n = x * digits[3] + n + self._half >> 7
        return self._y0 + x * self._whole + n
