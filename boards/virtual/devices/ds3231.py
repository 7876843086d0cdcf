# SPDX-License-Identifier: MIT
"""DS3231 clock (Maxim data sheet 19-5170): registers that count seconds, and the stop flag.

The battery keeps it going while there is no power. Writing the seconds begins a new second.
"""

SIZE = 0x13
_STATUS = 0x0F
_OSF = 0x80
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_POWER_ON = b"\x00\x00\x00\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x1c\x88\x00\x19\x00"


class DS3231Chip:
    """`now_us()` is any clock that goes on; `registers` and `since_us`, when its second began, are
    all that the battery keeps.
    """

    def __init__(self, now_us):
        self._now_us = now_us
        self._pointer = 0
        self.stop()

    def stop(self):
        """As when the battery was changed: nobody knows the time."""
        self.registers = bytearray(_POWER_ON)
        self.since_us = self._now_us()

    def start(self, seconds):
        """As somebody set it: so many seconds since 2000-01-01 now."""
        self.registers[:7] = b"\x00\x00\x00\x07\x01\x01\x00"
        self._count(seconds)
        self.registers[_STATUS] &= ~_OSF & 255
        self.since_us = self._now_us()

    def write(self, data):
        self._pass()
        self._pointer = at = data[0] % SIZE
        for byte in data[1:]:
            if at == _STATUS:  # the stop flag can only be cleared
                byte &= self.registers[at] | 0x7F  # noqa: PLW2901
            if at == 0:
                self.since_us = self._now_us()
            self.registers[at] = byte
            at = (at + 1) % SIZE

    def read(self, buf):
        self._pass()
        for i in range(len(buf)):
            buf[i] = self.registers[(self._pointer + i) % SIZE]

    def _pass(self):
        seconds = (self._now_us() - self.since_us) // 1_000_000
        if seconds > 0:
            self.since_us += seconds * 1_000_000
            self._count(seconds)

    def _count(self, seconds):
        """Let so many seconds pass in the registers."""
        r = self.registers
        twelve = r[2] & 0x40
        hour = _number(r[2] & 0x1F) % 12 + (12 if r[2] & 0x20 else 0) if twelve else _number(r[2])
        total = hour * 3600 + _number(r[1]) * 60 + _number(r[0]) + seconds
        days, rest = divmod(total, 86_400)
        hour = rest // 3600
        r[0], r[1] = _bcd(rest % 60), _bcd(rest // 60 % 60)
        r[2] = 0x40 | (hour >= 12) << 5 | _bcd(hour % 12 or 12) if twelve else _bcd(hour)
        r[3] = (r[3] - 1 + days) % 7 + 1
        day, month, year = _number(r[4]) + days, _number(r[5] & 0x1F), _number(r[6])
        while month <= 12 and day > (length := _DAYS[month - 1] + (month == 2 and year % 4 == 0)):
            day -= length
            month += 1
            if month == 13:
                month, year = 1, (year + 1) % 100
        r[4], r[5], r[6] = _bcd(day), _bcd(month) | r[5] & 0x80, _bcd(year)


def _number(bcd):
    return (bcd >> 4) * 10 + (bcd & 15)


def _bcd(number):
    return number // 10 << 4 | number % 10
