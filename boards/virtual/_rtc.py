# SPDX-License-Identifier: MIT
"""The chip's own clock: it survives resets, a power cut sets it to 2000-01-01 and clears its
memory.
"""

import _calendar
import _clock
import _state


class RTC:
    _one = None

    def __new__(cls):
        if cls._one is None:
            cls._one = object.__new__(cls)
        return cls._one

    def init(self, datetime):
        self.datetime(datetime)

    def datetime(self, datetime=None):
        """(year, month, day, weekday, hour, minute, second, microsecond)"""
        if datetime is None:
            now = _calendar.since_2000_us()
            t = _calendar.split(now // 1_000_000)
            return (t[0], t[1], t[2], t[6], t[3], t[4], t[5], now % 1_000_000)
        year, month, day, _, hour, minute, second, micro = datetime
        wanted = _calendar.join(year, month, day, hour, minute, second) * 1_000_000 + micro
        _state.put(_state.RTC_OFFSET_US, wanted - _clock.now_us())
        return None

    def memory(self, data=None):
        if data is None:
            return _state.get_rtc_memory()
        data = bytes(data)
        if len(data) > _state.RTC_MEMORY_MAX:
            raise ValueError("buffer too long")
        _state.put_rtc_memory(data)
        return None
