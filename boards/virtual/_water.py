# SPDX-License-Identifier: MIT
"""The physics at the pins: what a pipe and its water do, minute after minute.

A *scenario* is a file of equal records, one per row of the CSV it was made from, one 64-bit value
per *channel*: pulses counted before the row, microvolts at a pin, sixteenths of a degree at a
1-Wire probe. Rows are read when they are due, so a month does not fill the heap. Pulses of a row
are spread over it; analog values hold for it. The scenario begins when the application first
touches a sensor.
"""

from array import array

import _clock
import _state

PULSES, MICROVOLTS, DS18B20 = range(3)  # as in tirta/virtual/scenario.py
_HEADER = 5  # 64-bit words: magic, rows, channels, row length, tail
_CHANNEL = 3  # kind, pin, ROM code
_MAGIC = 0x314E_4353_5456

_file = None
_rows = 0
_row_us = 1
_tail_us = 0
_start_us = _state.get(_state.SCENARIO_START_US)
_kinds = array("q")
_record = None
_loaded = -1


def _open():
    global _file, _rows, _row_us, _tail_us, _kinds, _record
    try:
        _file = open("scenario.bin", "rb")  # noqa: SIM115 - read as time passes
    except OSError:
        return
    head = array("q", [0] * _HEADER)
    _file.readinto(head)
    if head[0] != _MAGIC:
        raise ValueError("scenario.bin is of another version")
    _rows, _row_us, _tail_us = head[1], head[3], head[4]
    _kinds = array("q", [0] * (head[2] * _CHANNEL))
    _file.readinto(_kinds)
    _record = array("q", [0] * (2 * head[2]))
    _set_end()


def _set_end():
    if _start_us:
        _clock.fast_until_us = _start_us + _rows * _row_us - _tail_us


def touch():
    """A sensor was made: the scenario runs from now on, through all later boots."""
    global _start_us
    if _file is not None and _start_us == 0:
        _start_us = _clock.now_us()
        _state.put(_state.SCENARIO_START_US, _start_us)
        _set_end()


def channel(kind, pin):
    """The channel at a pin, or -1."""
    for at in range(0, len(_kinds), _CHANNEL):
        if _kinds[at] == kind and _kinds[at + 1] == pin:
            return at // _CHANNEL
    return -1


def rom_codes(pin):
    """{ROM code: channel} of the 1-Wire probes at a pin."""
    return {
        (_kinds[at + 2] & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little"): at // _CHANNEL
        for at in range(0, len(_kinds), _CHANNEL)
        if _kinds[at] == DS18B20 and _kinds[at + 1] == pin
    }


def pulses(number):
    """Pulses that came to a channel since the scenario began."""
    if number < 0:
        return 0
    into_us = _load()
    before = _record[number]
    return before + (_record[len(_record) // 2 + number] - before) * into_us // _row_us


def value(number):
    _load()
    return _record[number]


def _load():
    """Have the current row and the next in the record; the time into the row."""
    global _loaded
    at_us = max(0, _clock.now_us() - _start_us) if _start_us else 0
    row = at_us // _row_us
    if row >= _rows:  # the last record holds the totals and the last values
        row = _rows
        at_us = row * _row_us
    if row != _loaded:
        words = len(_record) // 2
        _file.seek(8 * (_HEADER + len(_kinds) + row * words))
        _file.readinto(_record)
        _loaded = row
    return at_us - row * _row_us


def air_temperature_c():
    return 27


_open()
