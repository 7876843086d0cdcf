# SPDX-License-Identifier: MIT
"""DS3231 clock with a battery on I2C (Maxim data sheet 19-5170). Called by `unload`.

While its oscillator stop flag is set nobody knows the time. The day of the last setting is kept in
its first alarm, which is not used otherwise: so the drift since then is known, 3.5 ppm at most.
"""

from micropython import const

ADDRESS = const(0x68)
_SECONDS = const(0)
_ALARM = const(7)
_STATUS = const(0x0F)
_OSF = const(0x80)
_EPOCH_2000_S = const(946684800)
_DRIFT_MS_PER_DAY = const(303)  # 3.5 ppm, from -40 to 85 degrees
_READING_MS = const(500)  # it tells whole seconds
_UNKNOWN_MS = const(120000)  # set by somebody else: a year of drift, and their care
_CHECK = const(0x55)


def read(bus):
    """(Unix time in ms, uncertainty in ms), or (0, 0): no clock, or one that stood still."""
    try:
        if _get(bus, _STATUS, 1)[0] & _OSF:
            return 0, 0
        now = _get(bus, _SECONDS, 7)
        mark = _get(bus, _ALARM, 3)
    except OSError:
        return 0, 0
    if now[2] & 0x40:  # twelve hours: not ours
        hour = _decimal(now[2] & 0x1F) % 12 + (12 if now[2] & 0x20 else 0)
    else:
        hour = _decimal(now[2] & 0x3F)
    days = _days(2000 + _decimal(now[6]), _decimal(now[5] & 0x1F), _decimal(now[4] & 0x3F))
    if days < 0 or hour > 23:
        return 0, 0
    seconds = hour * 3600 + _decimal(now[1] & 0x7F) * 60 + _decimal(now[0] & 0x7F)
    unix_ms = (_EPOCH_2000_S + days * 86400 + seconds) * 1000 + _READING_MS
    uncertainty_ms = _UNKNOWN_MS
    set_on = mark[0] & 0x7F | (mark[1] & 0x7F) << 7
    if (mark[0] ^ mark[1] ^ _CHECK) & 0x7F == mark[2] & 0x7F and set_on <= days:
        uncertainty_ms = 2 * _READING_MS + (days - set_on + 1) * _DRIFT_MS_PER_DAY
    return unix_ms, uncertainty_ms


def write(bus, unix_ms):
    """Set it to the nearest second, which begins with the writing; start its oscillator.

    Raises OSError when it does not answer.
    """
    seconds = (unix_ms + 500) // 1000 - _EPOCH_2000_S
    days = seconds // 86400
    year, month, day, hour, minute, second, weekday = _civil(seconds)
    now = bytes(
        (
            _SECONDS, _bcd(second), _bcd(minute), _bcd(hour), weekday + 1,
            _bcd(day), _bcd(month), _bcd(year - 2000),
        )
    )  # fmt: skip
    bus.writeto(ADDRESS, now)
    low, high = days & 0x7F, days >> 7 & 0x7F
    bus.writeto(ADDRESS, bytes((_ALARM, low, high, low ^ high ^ _CHECK)))
    bus.writeto(ADDRESS, bytes((_STATUS, _get(bus, _STATUS, 1)[0] & ~_OSF & 0xFF)))


def _get(bus, register, n):
    bus.writeto(ADDRESS, bytes((register,)))
    buf = bytearray(n)
    bus.readfrom_into(ADDRESS, buf)
    return buf


def _decimal(bcd):
    return (bcd >> 4) * 10 + (bcd & 15)


def _bcd(number):
    return number // 10 << 4 | number % 10


def _days(year, month, day):
    """Days since 2000-01-01, or -1 when there is no such date."""
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        return -1
    # Days before the month, March being the first of a year that ends with February.
    y = year - (month < 3)
    shifted = (month + 9) % 12
    return y * 365 + y // 4 - y // 100 + y // 400 + (153 * shifted + 2) // 5 + day - 1 - 730425


def _civil(seconds):
    """(year, month, day, hour, minute, second, weekday from Monday = 0) since 2000-01-01."""
    days, rest = divmod(seconds, 86400)
    year, month = 2000 + days // 366, 12
    while _days(year + 1, 1, 1) <= days:
        year += 1
    while _days(year, month, 1) > days:
        month -= 1
    day = days - _days(year, month, 1) + 1
    return year, month, day, rest // 3600, rest // 60 % 60, rest % 60, (days + 5) % 7
