# SPDX-License-Identifier: MIT
"""A loop that polls a slow bus, and a record that looks at it, on a clock turned by hand."""

from faketime import time

MISSING = 9


def run(bus, ms, often_ms=1 << 20):
    """Poll when the bus wants it, and every `often_ms`, as a loop does that has others."""
    end = time.ticks_add(time.ticks_ms(), ms)
    while True:
        wait = min(bus.poll(), often_ms)
        assert wait > 0
        left = time.ticks_diff(end, time.ticks_ms())
        if left <= wait:
            time.sleep_ms(max(left, 0))
            return
        time.sleep_ms(wait)


def seen(channel):
    """What a record would say of it now, None where it is missing."""
    channel.sample()
    return None if channel.flag == MISSING else channel.value
