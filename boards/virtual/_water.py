# SPDX-License-Identifier: MIT
"""The physics at the pins: what a pipe and its water do, minute after minute.

A *scenario* is a file of equal records, one per row of the CSV it was made from, one 64-bit value
per *channel*: pulses counted before the row, microvolts at a pin, sixteenths of a degree at a
1-Wire probe. It is mapped, so a month does not fill the heap. Pulses of a row
are spread over it; analog values hold for it. The scenario begins when the application first
touches a sensor.
"""

import _clock
import _memory
import _state

PULSES, MICROVOLTS, DS18B20 = range(3)  # as in tirta/virtual/scenario.py
_HEADER = 5  # 64-bit words: magic, rows, channels, row length, tail
_CHANNEL = 3  # kind, pin, ROM code
_MAGIC = 0x314E_4353_5456

_rows = 0
_row_us = 1
_tail_us = 0
_channels = 0
_first_row = 0  # address
_start_us = _state.get(_state.SCENARIO_START_US)


def _word(index):
    return _memory.get64(_memory.SCENARIO + index * 8)


def _open():
    global _rows, _row_us, _tail_us, _channels, _first_row
    if not _memory.SCENARIO:
        return
    if _word(0) != _MAGIC:
        raise ValueError("scenario.bin is of another version")
    _rows, _channels, _row_us, _tail_us = _word(1), _word(2), _word(3), _word(4)
    _first_row = _memory.SCENARIO + 8 * (_HEADER + _CHANNEL * _channels)
    _set_end()


def _set_end():
    if _start_us:
        _clock.fast_until_us = _start_us + _rows * _row_us - _tail_us


def touch():
    """A sensor was made: the scenario runs from now on, through all later boots."""
    global _start_us
    if _rows and _start_us == 0:
        _start_us = _clock.now_us()
        _state.put(_state.SCENARIO_START_US, _start_us)
        _set_end()


def channel(kind, pin):
    """The channel at a pin, or -1."""
    for number in range(_channels):
        at = _HEADER + number * _CHANNEL
        if _word(at) == kind and _word(at + 1) == pin:
            return number
    return -1


def rom_codes(pin):
    """{ROM code: channel} of the 1-Wire probes at a pin."""
    codes = {}
    for number in range(_channels):
        at = _HEADER + number * _CHANNEL
        if _word(at) == DS18B20 and _word(at + 1) == pin:
            codes[(_word(at + 2) & (1 << 64) - 1).to_bytes(8, "little")] = number
    return codes


def pulses(number):
    """Pulses that came to a channel since the scenario began."""
    if number < 0:
        return 0
    into_us = _into_us()
    row = into_us // _row_us
    if row >= _rows:  # the last record holds the totals
        return _memory.get64(_first_row + 8 * (_rows * _channels + number))
    at = _first_row + 8 * (row * _channels + number)
    before = _memory.get64(at)
    of_row = _memory.get64(at + 8 * _channels) - before
    return before + of_row * (into_us - row * _row_us) // _row_us


def value(number):
    row = min(_rows, _into_us() // _row_us)
    return _memory.get64(_first_row + 8 * (row * _channels + number))


def _into_us():
    return max(0, _clock.now_us() - _start_us) if _start_us else 0


def air_temperature_c():
    return 27


_open()
