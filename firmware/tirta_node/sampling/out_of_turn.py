# SPDX-License-Identifier: MIT
"""A channel read out of turn, for a calibration. Called by `unload`.

Who knows where the tick has its rows and calls is this room alone.
"""

from micropython import const

from tirta_format import columns, record

# As in tick_viper.py and row.py.
_HELD = const(20)
_ROWS = const(25)
_WORDS = const(16)
_DRIVER_WORDS = const(3)
_CELL = const(1)
_DEAD_LOW = const(4)
_LOW = const(5)
_HIGH = const(6)
_DEAD_HIGH = const(7)
_READINGS = const(8)


def read(sampler, channels, index):
    """(raw, flag, hundredths of a degree or None): what the channel's converter gives now, in
    microvolts, how the tick would judge it, and the water's temperature where that is compensated.
    Raises ValueError for a channel that a bus reads when it likes.
    """
    for group in sampler.groups:
        if index in group.channels:
            return _read(group, _cell(group, channels, index))
    raise ValueError("no channel %d" % index)


def _cell(group, channels, index):
    """Where the group's samples of the channel go, as assemble.py and accounts.py count."""
    cells = {}
    for _, channel, what in columns.columns(channels):
        key = channel, what == columns.RAW
        if channel in group.channels and key not in cells:
            cells[key] = len(cells)
    return cells[index, False]


def _read(group, cell):
    words = group.words
    reads, drivers = _calls(group.parts)
    at = _ROWS
    for k in range(len(reads) + words[_HELD]):
        if words[at + _CELL] == cell and k < len(reads):
            total = 0
            for _ in range(_READINGS):
                total += reads[k]()
            raw = total // _READINGS
            return raw, _flag(words, at, raw), None
        at += _WORDS
    for driver in drivers:
        if words[at + _CELL] == cell:
            driver.sample()
            water = getattr(getattr(driver, "driver", driver), "water", None)
            centi = water.centi if water is not None and water.read() else None
            return driver.raw, driver.flag, centi
        at += _DRIVER_WORDS
    raise ValueError("the channel cannot be read out of turn")


def _calls(parts):
    """The calls that read rows, in their order, and the drivers without a row."""
    reads = []
    while parts is not None:
        a, b, c, d, parts, rest = parts
        reads += [call for call in (a, b, c, d) if call is not None]
    return reads, rest[0]


def _flag(words, at, raw):
    """A broken loop must not become somebody's zero."""
    if not words[at + _DEAD_LOW] <= raw <= words[at + _DEAD_HIGH]:
        return record.MISSING
    return record.GOOD if words[at + _LOW] <= raw <= words[at + _HIGH] else record.SUSPECT
