# SPDX-License-Identifier: MIT
"""Seconds since 2000-01-01, the port's epoch, and the calendar."""

import _clock
import _host
import _state

_UNIX_2000 = 946_684_800  # seconds from 1970 to 2000


def since_2000_us():
    return _clock.now_us() + _state.get(_state.RTC_OFFSET_US)


def split(seconds):
    """(year, month, day, hour, minute, second, weekday, day of the year)"""
    return _host.time.gmtime(seconds + _UNIX_2000)[:8]


def join(year, month, day, hour, minute, second):
    """The days are counted in years that begin in March: leap days are then the last."""
    month0 = month - 1
    year += month0 // 12
    month0 %= 12
    y = year - (month0 < 2)
    days = y * 365 + y // 4 - y // 100 + y // 400
    days += (153 * ((month0 + 10) % 12) + 2) // 5 + day - 1
    days -= 730_425  # of 2000-01-01
    return ((days * 24 + hour) * 60 + minute) * 60 + second
