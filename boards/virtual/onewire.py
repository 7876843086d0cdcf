# SPDX-License-Identifier: MIT
"""A 1-Wire bus, and the DS18B20 probes of the scenario that hang on it.

The probes answer byte by byte as their datasheet says: a ROM command selects, a function command
acts. A conversion takes 750 ms; until then a probe reads as busy and its scratchpad holds the value
before (85 degrees after power-on). Faults of the scenario: a probe that does not answer, that loses
its supply before it is read, whose scratchpad is all zero, or comes with a wrong CRC.
"""

import _clock
import _water
from _pins import pin_number

_CONVERSION_US = 750_000
_POWER_ON = b"\x50\x05\x4b\x46\x7f\xff\x0c\x10"


def _crc8(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
    return crc


class OneWireError(Exception):
    pass


class _Probe:
    def __init__(self, channel):
        self._channel = channel
        self.pad = bytearray(_POWER_ON)
        self.ready_us = 0
        self._value = None

    def answers(self):
        return _water.fault(self._channel) != _water.ABSENT

    def convert(self):
        self._value = None if _water.fault(self._channel) else _water.value(self._channel)
        self.ready_us = _clock.now_us() + _CONVERSION_US

    def scratchpad(self):
        fault = _water.fault(self._channel)
        if fault == _water.ZERO:
            return bytes(9)
        if fault == _water.POWER_ON:
            self.pad[:] = _POWER_ON
            self._value = None
        if self._value is not None and not fault and _clock.now_us() >= self.ready_us:
            self.pad[0] = self._value & 0xFF
            self.pad[1] = self._value >> 8 & 0xFF
            self._value = None
        return bytes(self.pad) + bytes((_crc8(self.pad) ^ (fault == _water.CRC),))


class OneWire:
    SEARCH_ROM = 0xF0
    MATCH_ROM = 0x55
    SKIP_ROM = 0xCC
    _buses = {}  # by pin: the probes keep their scratchpads

    def __init__(self, pin):
        number = pin_number(pin)
        self.pin = pin
        if number not in self._buses:
            codes = _water.rom_codes(number)
            self._buses[number] = {code: _Probe(codes[code]) for code in codes}
        self._probes = self._buses[number]
        self._in = bytearray()
        self._out = b""
        _water.touch()

    def reset(self, required=False):
        self._in = bytearray()
        self._out = b""
        present = any(probe.answers() for probe in self._probes.values())
        if required and not present:
            raise OneWireError
        return present

    def readbit(self):
        return int(all(_clock.now_us() >= p.ready_us for p in self._selected()))

    def readbyte(self):
        if not self._out:
            return 0xFF
        byte = self._out[0]
        self._out = self._out[1:]
        return byte

    def readinto(self, buf):
        for i in range(len(buf)):
            buf[i] = self.readbyte()

    def writebit(self, value):
        pass

    def writebyte(self, value):
        self._in.append(value)
        self._act()

    def write(self, buf):
        for byte in buf:
            self.writebyte(byte)

    def select_rom(self, rom):
        self.reset()
        self.writebyte(self.MATCH_ROM)
        self.write(rom)

    def scan(self):
        return [bytearray(code) for code in self._probes if self._probes[code].answers()]

    def crc8(self, data):
        return _crc8(data)

    def _selected(self):
        if self._in[:1] == b"\xcc":
            return [probe for probe in self._probes.values() if probe.answers()]
        if self._in[:1] == b"\x55" and len(self._in) >= 9:
            probe = self._probes.get(bytes(self._in[1:9]))
            return [probe] if probe and probe.answers() else []
        return []

    def _act(self):
        command = self._in[1:] if self._in[:1] == b"\xcc" else self._in[9:]
        probes = self._selected()
        if self._in == b"\x33" and len(self._probes) == 1:
            self._out = next(iter(self._probes))
        if not command or not probes:
            return
        if command == b"\x44":
            for probe in probes:
                probe.convert()
        elif command == b"\xbe":
            self._out = probes[0].scratchpad()
            for probe in probes[1:]:  # all answer at once: the bus is the AND of them
                self._out = bytes(a & b for a, b in zip(self._out, probe.scratchpad()))
        elif command[0] == 0x4E and len(command) == 4:
            for probe in probes:
                probe.pad[2:5] = command[1:]
