# SPDX-License-Identifier: MIT
"""A straight line in integers that stay below 2^30, where the chip begins to allocate."""

from micropython import const

_LIMIT = const(1 << 30)


class Line:
    """`at(x)` = y0 + (x - x0) * (y1 - y0) / (x1 - x0), rounded, for |x - x0| up to `reach`."""

    def __init__(self, x0, y0, x1, y1, reach):
        shift = 0
        while shift < 29 and _slope(x0, y0, x1, y1, shift + 1) * reach < _LIMIT // 2:
            shift += 1
        rise = y1 - y0
        run = x1 - x0
        self._x0 = x0
        self._y0 = y0
        self._shift = shift
        self._half = 1 << shift >> 1
        self._slope = ((rise << shift + 1) + run) // (2 * run)

    def at(self, x):
        """The value at `x`, without allocating."""
        return self._y0 + ((x - self._x0) * self._slope + self._half >> self._shift)


def _slope(x0, y0, x1, y1, shift):
    return abs((y1 - y0 << shift) // (x1 - x0)) + 1
