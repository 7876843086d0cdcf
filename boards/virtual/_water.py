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

# As in tirta/virtual/channels.py.
PULSES, MICROVOLTS, DS18B20, ADS1115, EZO, DS3231, SDI12, MODBUS = range(8)
ABSENT, STUCK, POWER_ON, ZERO, CRC, BUSY, SYNTAX, STOPPED = range(1, 9)
_FAULT = 1 << 40  # no value is so large
_HEADER = 5  # 64-bit words: magic, rows, channels, row length, tail
_CHANNEL = 3  # kind, pin, code: which one of those at the pin
_MAGIC = 0x324E_4353_5456

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


def channels(kind):
    """[(channel, pin, code)] of a kind."""
    found = []
    for number in range(_channels):
        at = _HEADER + number * _CHANNEL
        if _word(at) == kind:
            found.append((number, _word(at + 1), _word(at + 2)))
    return found


def has_devices():
    """Whether something hangs on a bus whose model is in devices/."""
    return any(channels(kind) for kind in range(ADS1115, MODBUS + 1))


def rom_codes(pin):
    """{ROM code: channel} of the 1-Wire probes at a pin."""
    return {
        (code & (1 << 64) - 1).to_bytes(8, "little"): number
        for number, where, code in channels(DS18B20)
        if where == pin
    }


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


def level(number):
    """The level of a pin with pulses: a contact is closed (0) for the first two fifths of one."""
    into_us = _into_us()
    row = into_us // _row_us
    if row >= _rows:
        return 1
    at = _first_row + 8 * (row * _channels + number)
    of_row = _memory.get64(at + 8 * _channels) - _memory.get64(at)
    came = of_row * (into_us - row * _row_us)
    return 0 if came >= _row_us and came % _row_us * 5 < 2 * _row_us else 1


def value(number):
    row = min(_rows, _into_us() // _row_us)
    return _memory.get64(_first_row + 8 * (row * _channels + number))


def fault(number):
    """What is wrong with a channel now, or 0; what its value says means nothing then."""
    found = value(number)
    return found - _FAULT if found >= _FAULT else 0


def start_us():
    """Virtual time at which the scenario began, or 0."""
    return _start_us


def _into_us():
    return max(0, _clock.now_us() - _start_us) if _start_us else 0


def air_temperature_c():
    return 27


_open()
