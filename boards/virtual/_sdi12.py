# SPDX-License-Identifier: MIT
"""The SDI-12 line at a pin, with the sondes of the scenario (devices/sdi12_sonde.py).

Spacing is high, marking is low; a command is a break, marking, and characters of 1200 baud, 7 bits,
even parity. Who listens hears the command, too.
"""

import _water

_BREAK_US = 12_000
_MARKING_US = 8_330
_BIT_US = 2500 / 3
_CHAR_US = 8_333
_lines = {}


def line(pin):
    """The line at a pin, or None."""
    return _lines.get(pin)


class _Line:
    def __init__(self):
        self.sondes = {}  # by address: (sonde, its channels)
        self._coming = []  # (virtual time, bytes)

    def hear(self, lengths_us, level, end_us):
        """Pulses were sent."""
        command = _characters(lengths_us, level)
        self._coming = [(end_us, b"\x00" + command)]  # a break reads as a zero
        if command[-1:] != b"!":
            return
        text = command[:-1].decode()
        for sonde, channels in self.sondes.values():
            faults = [_water.fault(number) for number in channels]
            if _water.ABSENT in faults:
                continue
            sonde.wrong_crc = _water.CRC in faults
            self._coming += [(end_us + ms * 1000, data) for ms, data in sonde.answer(text)]
        self._coming.sort()

    def take(self, now_us):
        """What has begun to come."""
        if self._coming and now_us >= self._coming[0][0]:
            return self._coming.pop(0)[1]
        return b""

    def send(self, data):
        pass


def _characters(lengths_us, level):
    """The characters in a sequence of pulses; empty unless break and marking come first."""
    if (
        level != 1
        or len(lengths_us) < 3
        or lengths_us[0] < _BREAK_US
        or lengths_us[1] < _MARKING_US
    ):
        return b""
    edges = []
    at = 0
    level = 1
    for length in lengths_us[2:]:
        edges.append((at + length, level))
        at += length
        level ^= 1
    found = b""
    start = 0
    while start < at:
        bits = [_level(edges, start + (i + 0.5) * _BIT_US) ^ 1 for i in range(10)]
        if bits[0] or not bits[9] or sum(bits[1:9]) & 1:
            return found
        found += bytes((sum(bits[1 + i] << i for i in range(7)),))
        start = _next_start(edges, start + 9.5 * _BIT_US)
    return found


def _level(edges, at):
    for end, level in edges:
        if at < end:
            return level
    return 0


def _next_start(edges, at):
    """Where the line goes high again at or after `at`, in the middle of a stop bit."""
    begin = 0
    for end, level in edges:
        if level and begin >= at:
            return begin
        begin = end
    return begin + 1


def _value(number, decimals):
    """As a sonde writes it: a sign, digits, a point."""
    value = _water.value(number)
    digits = "%0*d" % (decimals + 1, abs(value))
    text = digits[:-decimals] + "." + digits[-decimals:] if decimals else digits
    return ("-" if value < 0 else "+") + text


def _attach(sonde_class):
    """Code of a channel: address, number of the value from 1, digits behind its point."""
    for number, pin, code in _water.channels(_water.SDI12):
        made = _lines.setdefault(pin, _Line())
        address = chr(code & 255)
        _, channels = made.sondes.setdefault(address, (None, {}))
        channels[number] = code >> 8 & 255, code >> 16 & 255
    for made in _lines.values():
        for address, (_, channels) in made.sondes.items():
            order = sorted(channels, key=lambda number: channels[number][0])
            read = lambda order=order, of=channels: [_value(n, of[n][1]) for n in order]  # noqa: E731
            made.sondes[address] = sonde_class(address, read), channels


if _water.channels(_water.SDI12):
    from devices.sdi12_sonde import Sonde

    _attach(Sonde)
