# SPDX-License-Identifier: MIT
"""`machine.I2C` and `SoftI2C`, and what the scenario hangs on them (devices/).

A device is at the pin that is its SDA; with other wires nobody answers. A transfer takes its time
on the line. The DS3231 goes on while there is no power: what its battery keeps is in the state.
"""

import _clock
import _state
import _water
from _pins import Pin, pin_number

_ENODEV = 19
_HARD = ((18, 19), (25, 26))  # scl and sda of I2C(0) and I2C(1), unless told otherwise
_buses = {}  # by SDA: _Wires


class _Wires:
    """The devices at one SDA, with their channels, whose faults they have."""

    def __init__(self, bus):
        self.bus = bus
        self.channels = {}  # address: [channel]
        self.acts = {}  # address: function(faults), before each transfer
        self.after = {}  # address: function(), after each transfer

    def join(self, address, device, channels, act=None, after=None):
        self.bus.devices[address] = device
        self.channels[address] = channels
        self.acts[address] = act
        self.after[address] = after

    def look(self):
        """Have the faults of this moment."""
        self.bus.stuck = False
        for address, channels in self.channels.items():
            faults = [fault for fault in map(_water.fault, channels) if fault]
            self.bus.stuck = self.bus.stuck or _water.STUCK in faults
            if _water.ABSENT in faults:
                self.bus.absent.add(address)
            else:
                self.bus.absent.discard(address)
            if self.acts[address] is not None:
                self.acts[address](faults)


class I2C:
    def __init__(self, id=0, *, scl=None, sda=None, freq=400_000, timeout=50_000):
        if id not in (0, 1):
            raise ValueError("I2C(%d) doesn't exist" % id)
        self._init(scl or Pin(_HARD[id][0]), sda or Pin(_HARD[id][1]), freq)

    def _init(self, scl, sda, freq):
        pin_number(scl)
        self._wires = _buses.get(pin_number(sda))
        self._byte_us = 9_000_000 // freq
        _water.touch()

    def scan(self):
        if self._wires is None:
            return []
        self._wires.look()
        if self._wires.bus.stuck:
            return []
        return sorted(a for a in self._wires.bus.devices if self._wires.bus.answers(a))

    def readfrom_into(self, addr, buf, stop=True):
        self._transfer(addr, len(buf), lambda bus: bus.readfrom_into(addr, buf))

    def readfrom(self, addr, nbytes, stop=True):
        buf = bytearray(nbytes)
        self.readfrom_into(addr, buf)
        return bytes(buf)

    def writeto(self, addr, buf, stop=True):
        self._transfer(addr, len(buf), lambda bus: bus.writeto(addr, buf))
        return len(buf)

    def writevto(self, addr, vector, stop=True):
        return self.writeto(addr, b"".join(bytes(part) for part in vector))

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        self.writeto(addr, memaddr.to_bytes(addrsize // 8, "big"))
        self.readfrom_into(addr, buf)

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        buf = bytearray(nbytes)
        self.readfrom_mem_into(addr, memaddr, buf, addrsize=addrsize)
        return bytes(buf)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        self.writeto(addr, memaddr.to_bytes(addrsize // 8, "big") + bytes(buf))

    def _transfer(self, addr, size, do):
        _clock.sleep_us((1 + size) * self._byte_us)
        if self._wires is None:
            raise OSError(_ENODEV)
        self._wires.look()
        do(self._wires.bus)
        if self._wires.after[addr] is not None:
            self._wires.after[addr]()


class SoftI2C(I2C):
    def __init__(self, scl, sda, *, freq=400_000, timeout=50_000):
        self._init(scl, sda, freq)


def _attach():
    """Code of a channel: address, which input or number of the device, and what a clock said when
    the scenario began, in seconds since 2000-01-01 (0: it was never set).
    """
    from devices import ads1115, ds3231, ezo
    from devices.i2c_bus import Bus

    found = {}
    for kind in _DEVICES:
        for number, pin, code in _water.channels(kind):
            here = found.setdefault((pin, code & 255, kind, code >> 16), {})
            here[code >> 8 & 255] = number
    for (pin, address, kind, set_s), inputs in found.items():
        wires = _buses.setdefault(pin, _Wires(Bus({})))
        if kind == _water.ADS1115:
            _join_ads1115(wires, address, inputs, ads1115)
        elif kind == _water.EZO:
            _join_ezo(wires, address, inputs, ezo)
        else:
            _join_ds3231(wires, address, inputs, ds3231, set_s)


def _join_ads1115(wires, address, inputs, kind):
    chip = kind.ADS1115Chip(lambda i: _water.value(inputs[i]) if i in inputs else 0)

    def act(faults):
        chip.dead = _water.BUSY in faults
        if _water.POWER_ON in faults:  # it loses its supply all the time
            chip.power_on()

    wires.join(address, chip, list(inputs.values()), act)


def _join_ezo(wires, address, inputs, kind):
    def answer():
        return b",".join(_thousandths(inputs.get(i, -1)) for i in range(max(inputs) + 1))

    circuit = kind.EZOCircuit(answer, address)

    def act(faults):
        codes = {_water.BUSY: kind.BUSY, _water.SYNTAX: kind.SYNTAX}
        circuit.status = kind.DONE
        for fault in faults:
            circuit.status = codes.get(fault, circuit.status)

    wires.join(address, circuit, list(inputs.values()), act)


def _thousandths(number):
    value = _water.value(number) if number >= 0 else 0
    return b"%s%d.%03d" % (b"-" if value < 0 else b"", abs(value) // 1000, abs(value) % 1000)


def _join_ds3231(wires, address, inputs, kind, set_s):
    (number,) = inputs.values()
    chip = kind.DS3231Chip(_clock.now_us)
    chip.since_us = _state.get(_state.CLOCK_CHIP_SINCE_US)
    if chip.since_us:
        _state.get_clock_chip(chip.registers)

    def act(faults):
        if not chip.since_us:
            chip.stop()
            if set_s:
                chip.start(set_s)
                chip.since_us = _water.start_us()
        if _water.STOPPED in faults:
            chip.stop()

    def after():
        _state.put_clock_chip(chip.registers, chip.since_us)

    wires.join(address, chip, [number], act, after)


_DEVICES = (_water.ADS1115, _water.EZO, _water.DS3231)
if any(_water.channels(kind) for kind in _DEVICES):
    _attach()
