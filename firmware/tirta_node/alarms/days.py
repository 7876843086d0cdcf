# SPDX-License-Identifier: MIT
"""The class of a local day, for what judges nights."""

HOLIDAY = 7
_FIRST = 2  # 2020 began with a Wednesday


def kind(day, holidays):
    """The weekday, 0 for Monday, or HOLIDAY; `day` counts from 2020 on, and `holidays` are first
    and last days in turn.
    """
    i = len(holidays)
    while i:
        i -= 2
        if holidays[i] <= day <= holidays[i + 1]:
            return HOLIDAY
    return (day + _FIRST) % 7
