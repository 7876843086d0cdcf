# SPDX-License-Identifier: MIT
"""What the tick needs for a voltage: how often it is read, and a line in integers that stay
below 2^30, where the chip begins to allocate.

The slope is a whole number and a fraction in four digits of seven bits: a reading of 23 bits times
a digit fits, and adding up from the last digit, carried on each time, is exact to 1/32 of a value.
Where the values are some ten thousands at most, two digits of eight bits behind the slope's first
bit do as well, in half the time.
"""

from micropython import const

from tirta_node.sensors import row as rows

_SLOW_MS = const(1000)
_EIGHT = const(3)
_NEAR = const(2000000)  # readings lie within 6.2 million: not too far from it
_ONE = const(1 << 28)
_ROUND = const(128)
_HALF = const(64)  # of the first digit's step
_FEW = const(26000)  # steps, of which 2^-16 are less than half of one
_STEEP = const(16)  # microvolts a step at least: one more or less of them is nothing
_MOST_SHIFT = const(21)
_MOST_UV = const(3600000)  # that a converter of the chip says
# NAMUR NE43, in microamperes: what a 4-20 mA loop measures lies between the inner two; at the outer
# ones and beyond it is broken, or its transmitter reports a fault.
_FAULT_LOW_UA = const(3600)
_LOW_UA = const(3800)
_HIGH_UA = const(20500)
_FAULT_HIGH_UA = const(21000)


def limits_uv(shunt_mohm):
    """(fault low, low, high, fault high) of a 4-20 mA loop: microvolts over its shunt."""
    return [ua * shunt_mohm // 1000 for ua in (_FAULT_LOW_UA, _LOW_UA, _HIGH_UA, _FAULT_HIGH_UA)]


def readings(period_ms):
    """2 to this power are averaged: the noise of the chip's converter is some millivolts, and a
    reading takes 35 microseconds. Faster channels average in their statistics.
    """
    return _EIGHT if period_ms >= _SLOW_MS else 0


def put_line(row, x0, y0, x1, y1):
    """Have the tick compute y0 + (x - x0) * (y1 - y0) / (x1 - x0), rounded, for microvolts of the
    chip's converter. The limits of what is missing are in the row.
    """
    near, start, whole, fraction, half, falls = line(x0, y0, x1, y1)
    row[rows.X0], row[rows.Y0], row[rows.HALF] = near, start, half
    row[rows.WHOLE], row[rows.FRACTION], row[rows.FALLS] = whole, fraction, falls
    run, rise = x1 - x0, y1 - y0
    if run < 0:
        run, rise = -run, -rise
    far = max(min(row[rows.DEAD_HIGH], _MOST_UV) - near, near)
    if row[rows.RAW] or not 0 < rise < run // _STEEP or far * rise > run * _FEW:
        return
    shift = 1
    while rise << shift + 9 < run << 16:
        shift += 1
    # What rounds is so many microvolts. Two steps are added for it: X0 may not be negative.
    row[rows.X0] = near + ((2 * _ROUND - half) * run // rise + _HALF) // _ROUND
    row[rows.Y0] = start + 2
    digits = min((rise << shift + 9) // run + 1 >> 1, 0xFFFF)
    row[rows.WHOLE], row[rows.FRACTION] = digits >> 8, digits & 255
    row[rows.SHIFT] = shift


def line(x0, y0, x1, y1):
    """(X0, Y0, WHOLE, FRACTION, HALF, FALLS) of the line through two points: see tick_viper.py."""
    run, rise = x1 - x0, y1 - y0
    if run < 0:
        run, rise = -run, -rise
    near = max(0, min(x0, _NEAR))
    start, beyond = divmod((near - x0) * rise, run)
    falls = 1 if rise < 0 else 0
    whole, rest = divmod(abs(rise), run)
    fraction = (2 * rest * _ONE + run) // (2 * run)
    if fraction == _ONE:
        whole, fraction = whole + 1, 0
    return near, y0 + start, whole, fraction, _HALF + beyond * _ROUND // run, falls
