# SPDX-License-Identifier: MIT
"""The port's `time`, on the virtual clock: epoch 2000, ticks that wrap at 2**30 and start 20 s
below it.
"""

import _calendar
import _clock
import _state

_PERIOD = 1 << 30
_HALF = 1 << 29
# From this value the milliseconds and the microseconds both wrap 20 s later.
_base_us = 1000 * _PERIOD - 20_000_000 - _state.get(_state.BOOT_US)


def ticks_ms():
    return (_clock.now_us() + _base_us) // 1000 & (_PERIOD - 1)


def ticks_us():
    return _clock.now_us() + _base_us & (_PERIOD - 1)


ticks_cpu = ticks_us


def ticks_add(ticks, delta):
    if not -_HALF < delta < _HALF:
        raise OverflowError("ticks interval overflow")
    return ticks + delta & (_PERIOD - 1)


def ticks_diff(end, start):
    return ((end - start + _HALF) & (_PERIOD - 1)) - _HALF


def sleep(seconds):
    _clock.sleep_us(int(seconds * 1_000_000))


def sleep_ms(ms):
    _clock.sleep_us(ms * 1000)


def sleep_us(us):
    _clock.sleep_us(us)


def time():
    return _calendar.since_2000_us() // 1_000_000


def time_ns():
    return _calendar.since_2000_us() * 1000


def gmtime(seconds=None):
    return _calendar.split(time() if seconds is None else int(seconds))


localtime = gmtime


def mktime(t):
    if not 8 <= len(t) <= 9:
        raise TypeError("mktime needs a tuple of length 8 or 9 (%d given)" % len(t))
    return _calendar.join(t[0], t[1], t[2], t[3], t[4], t[5])
