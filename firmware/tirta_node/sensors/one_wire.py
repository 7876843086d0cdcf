# SPDX-License-Identifier: MIT
"""DS18B20 thermometers on a 1-Wire bus (Maxim data sheet 19-7487): one, or several by ROM code.

`prepare` lets all of them convert at once, for 750 ms; then the bus reads each one, two bytes a
step, since a byte takes 0.6 ms with everything else standing still. Refused: no answer, a wrong
CRC, an all-zero scratchpad (its CRC is right), and 85 degrees, the power-on value.
"""

import time

from micropython import const

from tirta_node.sensors.held import Held

_MATCH_ROM = const(0x55)
_SKIP_ROM = const(0xCC)
_CONVERT = const(0x44)
_READ_SCRATCHPAD = const(0xBE)
_POWER_ON = const(0x0550)  # 85 degrees in sixteenths
_COLDEST = const(-880)  # -55 degrees
_HOTTEST = const(2000)  # 125 degrees
_CONVERSION_MS = const(760)
_PAD = const(9)
_LEAD_MS = const(900)  # conversion and one probe
_PROBE_MS = const(60)  # each further one
_SLOW_MS = const(10000)  # a period from here on leaves time to spare
_SPARE_MS = const(2000)  # so that whatever holds the node up meanwhile costs no value
_MAX_AGE_MS = const(4000)
_REST_MS = const(60000)  # the tick that prepares is followed by a poll

_IDLE = const(0)
_CONVERTING = const(1)
_SELECT = const(2)
_WRITE = const(3)
_READ = const(4)


class DS18B20(Held):
    """One probe: `rom` (8 bytes, or None for the only one on its bus); `scale`: values a degree."""

    def __init__(self, rom, scale, max_age_ms=_MAX_AGE_MS):
        super().__init__(max_age_ms)
        self.bus = None
        self.select = bytes((_SKIP_ROM,)) if rom is None else bytes((_MATCH_ROM,)) + rom
        self.select += bytes((_READ_SCRATCHPAD,))
        self._scale = scale
        self.raw = 0

    def prepare(self):
        """Let the bus convert, if it does not yet."""
        if self.bus is not None:
            self.bus.start()

    def take(self, pad, asked_ms):
        """The scratchpad came, its CRC was right, and it is not the power-on value."""
        raw = pad[0] | pad[1] << 8
        if raw & 0x8000:
            raw -= 0x10000
        raw &= -1 << 3 - (pad[4] >> 5 & 3)  # bits below its resolution are undefined
        if _COLDEST <= raw <= _HOTTEST:
            self.raw = raw
            self.put((raw * self._scale + 8) >> 4, asked_ms)


class OneWireBus:
    """`wire`: reset, writebyte, readbyte, crc8."""

    def __init__(self, wire):
        self._wire = wire
        self._probes = []
        self._spare_ms = _SPARE_MS
        self._index = 0
        self._at = 0
        self._pad = bytearray(_PAD)
        self._state = _IDLE
        self._wanted = False
        self._started_ms = time.ticks_ms()
        self.errors = 0  # reads without a right answer
        self.power_ons = 0  # of the power-on value: the supply broke down while it converted

    def join(self, probe, period_ms):
        """A probe hangs on this bus, sampled so often: all must start so long before a sample."""
        self._probes.append(probe)
        probe.bus = self
        if period_ms < _SLOW_MS:
            self._spare_ms = 0
        lead_ms = _LEAD_MS + _PROBE_MS * (len(self._probes) - 1) + self._spare_ms
        for other in self._probes:
            other.lead_ms = lead_ms

    def start(self):
        """A new conversion is wanted."""
        self._wanted = self._state == _IDLE or self._wanted

    def poll(self):
        """One step; milliseconds until the next."""
        state = self._state
        if state == _IDLE:
            return self._begin()
        if state == _CONVERTING:
            left = _CONVERSION_MS - time.ticks_diff(time.ticks_ms(), self._started_ms)
            if left > 0:
                return left
            self._index = 0
            self._state = _SELECT
        elif state == _SELECT:
            self._at = 0
            if not self._wire.reset():
                return self._next(False)
            self._state = _WRITE
        elif state == _WRITE:
            self._write(self._probes[self._index].select)
        else:
            return self._read()
        return 1

    def _begin(self):
        if not self._wanted:
            return _REST_MS
        self._wanted = False
        for probe in self._probes:
            probe.drop()
        self._started_ms = time.ticks_ms()
        if not self._wire.reset():
            self.errors += 1
            return _REST_MS
        self._wire.writebyte(_SKIP_ROM)
        self._wire.writebyte(_CONVERT)
        self._state = _CONVERTING
        return _CONVERSION_MS

    def _write(self, data):
        wire = self._wire
        for _ in range(2):
            if self._at < len(data):
                wire.writebyte(data[self._at])
                self._at += 1
        if self._at == len(data):
            self._at = 0
            self._state = _READ

    def _read(self):
        for _ in range(2):
            if self._at < _PAD:
                self._pad[self._at] = self._wire.readbyte()
                self._at += 1
        if self._at < _PAD:
            return 1
        pad = self._pad
        good = pad[4] != 0 and self._wire.crc8(pad) == 0  # byte 4, the configuration, is never zero
        if good and pad[0] | pad[1] << 8 == _POWER_ON:
            self.power_ons += 1
        elif good:
            self._probes[self._index].take(pad, self._started_ms)
        return self._next(good)

    def _next(self, good):
        if not good:
            self.errors += 1
        self._index += 1
        self._state = _SELECT if self._index < len(self._probes) else _IDLE
        return 1
