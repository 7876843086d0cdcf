# SPDX-License-Identifier: MIT
"""Units in which a thermometer may measure, and what makes hundredths of a degree Celsius of them.
Loaded for a start, then dropped.
"""

_CELSIUS = ("", "degc", "\xb0c", "c", "celsius", "deg c", "deg_c")
_KELVIN = ("k", "kelvin", "degk")
_FAHRENHEIT = ("degf", "\xb0f", "f", "fahrenheit", "deg f", "deg_f")


def to_centi(unit):
    """(mul, div, shift): hundredths of a degree are value * mul / div + shift; None when it is no
    unit of temperature.
    """
    known_as = unit.lower()
    if known_as in _CELSIUS:
        return 100, 1, 0
    if known_as in _KELVIN:
        return 100, 1, -27315
    if known_as in _FAHRENHEIT:
        return 500, 9, -1778
    return None
