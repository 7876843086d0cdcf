# SPDX-License-Identifier: MIT
"""Runs nodes with configs that passed the check, for a day each, wired to hardware that says
anything: a config that passes must not end in an exception, whatever the sensors do.

A day is 24 pieces of `STEPS` rounds of the loop with an hour between their beginnings, so that
buses, ages, days and nights pass while a tick of 10 ms costs no more than one of an hour.
"""

import sys

import nochip  # noqa: F401 - before the sensors
from check_buses import PAD_1, ROM_1, Circuit, Converter, Sonde, Wire
from faketime import time
from modbus_line import CHAR_US, Line, with_crc
from modbus_slaves import Chance

from tirta_format import alarm_log, calibration, columns, config, state
from tirta_node import sensors
from tirta_node.alarms import alarm_setup
from tirta_node.alarms import alarms as node_alarms
from tirta_node.hal import inputs
from tirta_node.hal.edges import EdgeCounter
from tirta_node.sampling import assemble
from tirta_node.storage.ring import Ring

STEPS = 60
PIECES = 24
HOUR_MS = 3600000
FROM_S = 1780000000  # a day in 2026


class Anything:
    """Converters, counters and contacts: what they say is drawn, the ends of the range too."""

    def __init__(self, chance):
        self._chance = chance
        self._count = 0

    def read_uv(self):
        chance = self._chance
        ends = 0, 142000, 150000, 400000, 2000000, 2450000, 3300000
        return ends[chance.below(7)] if chance.hits(200) else chance.below(3300000)

    def value(self, *level):
        if not self._chance.hits(300):
            self._count = (self._count + self._chance.below(900)) % 30000
        return self._count

    def level(self):
        return self._chance.below(2)

    def irq(self, handler, trigger=0):
        self.handler = handler

    IRQ_RISING = IRQ_FALLING = 1


class I2C:
    """ADS1115 chips at their addresses, EZO circuits elsewhere; now and then nobody."""

    def __init__(self, chance):
        self._chance = chance
        self._converter, self._circuit = Converter(), Circuit()

    def _at(self, address):
        if self._chance.hits(60):
            raise OSError(19)
        self._converter.volts[self._chance.below(4)] = self._chance.below(5000) / 1000
        texts = b"7.356", b"-1", b"1413,700,0.7", b"", b"no", b"99999999"
        self._circuit.answer = texts[self._chance.below(6)]
        ads1115 = 0x48 <= address <= 0x4B
        return (self._converter, 0x48) if ads1115 else (self._circuit, 99)

    def writeto(self, address, data):
        device, place = self._at(address)
        device.writeto(place, data)

    def readfrom_into(self, address, buf):
        device, place = self._at(address)
        device.readfrom_into(place, buf)


class Sondes:
    """Answers to every SDI-12 command of every address."""

    def __init__(self, chance):
        self._chance = chance

    def get(self, command, _):
        chance = self._chance
        if chance.hits(100):
            return ()
        address, what = command[:1], command[1:2]
        if what in b"MC":
            return [(15, address + b"0013\r\n")]
        values = b"+1.5-2+30", b"-9999+1", b"", b"+1", b"+123456789.5-0.0000001"
        return [(15, address + values[chance.below(5)] + b"\r\n")]


class Slaves(Line):
    """A Modbus line whose slaves say anything, late or never."""

    def __init__(self, chance):
        super().__init__()
        self.polite = False
        self._chance = chance
        self.heard = lambda frame: None
        for address in range(1, 248):
            self.slaves[address] = self._answer

    def _answer(self, frame):
        chance = self._chance
        if chance.hits(100):
            return ()
        if chance.hits(50):
            return ((9, with_crc(bytes((frame[0], frame[1] | 0x80, 2)))),)
        n = 2 * (frame[4] << 8 | frame[5])
        data = bytes(chance.below(256) for _ in range(n))
        return ((chance.below(700), with_crc(bytes((frame[0], frame[1], n)) + data)),)


class Wires(Wire):
    """A DS18B20 of whatever code is asked for."""

    def readbyte(self):
        if self._in[:1] == b"\x55":
            self.after[self._in[1:9]] = PAD_1
        return super().readbyte()


def wire(chance):
    """Put all of it where the hal gives hardware out."""
    any_of = lambda *args, **keys: Anything(chance)  # noqa: E731
    for name in ("counter", "unit", "converter", "every_edge"):
        setattr(inputs, name, any_of)
    inputs.level = lambda gpio: Anything(chance).level
    inputs.edges = lambda gpio: EdgeCounter(Anything(chance))
    inputs.one_wire = lambda gpio: Wires({ROM_1: PAD_1})
    inputs.i2c = lambda scl, sda, freq: I2C(chance)
    inputs.rs485 = lambda line: (Slaves(chance), CHAR_US)
    inputs.sdi12 = lambda gpio: Sonde(Sondes(chance))
    inputs.board_temperature = lambda: lambda: 41


class Contacts:
    """hal.contacts"""

    def __init__(self, chance):
        self.contact = self.output = lambda gpio: Anything(chance)


class Node:
    """As much of one as alarms ask for."""

    def __init__(self, made, ring, sampler):
        self.config, self.ring, self.sampler = made, ring, sampler
        self.keeper = self.log = self.clock = self
        self.keeper.log = self
        self.anchor_uptime_ms = 0
        self.notes = 0

    def start_unix_ms(self):
        return FROM_S * 1000

    def uptime_ms(self):
        return 0

    def note(self, record):
        self.notes += 1

    def fail(self, error):
        raise error


class Flash:
    """hal.chip"""

    def partition(self, name):
        return None


class Kept:
    """What `unload` does for alarms: the state is empty, and nothing is written to it."""

    def call(self, module, function, *args):
        if function == "record":
            return alarm_log.record(*args)
        return {} if function == "load" else None


def day(text, seed):
    """A day of a node with this config; whoever raises anything has found a fault."""
    chance = Chance(seed)
    wire(chance)
    made = config.parse(text)
    calibration.overlay(made, {state.CONFIG: text})
    channels, interval_ms = made["channels"], made["interval_ms"]
    ring = Ring(len(columns.columns(channels)))
    drivers, buses = sensors.make(made)
    for driver in drivers:
        if hasattr(driver, "begun"):
            driver.begun(3)
    sampler = assemble.build(drivers, buses, channels, interval_ms, ring)
    alarms = None
    if "alarms" in made:
        alarm_setup.unload = node_alarms.unload = Kept()
        alarm_setup.chip = node_alarms.chip = Flash()
        alarm_setup.contacts = Contacts(chance)
        alarms = alarm_setup.begin(Node(made, ring, sampler))
    begun_ms = time.ticks_ms()
    for piece in range(PIECES):
        for _ in range(STEPS):
            left_ms = sampler.tick(sampler.cells, sampler.state, time.ticks_ms(), sampler.parts)
            if alarms is not None:
                alarms.step()
            if ring.is_full():
                ring.drop(1)
            time.sleep_ms(max(0, sampler.poll(max(0, left_ms))))
        passed_ms = time.ticks_diff(time.ticks_ms(), begun_ms)
        time.sleep_ms(max(0, (piece + 1) * HOUR_MS - passed_ms))


def main(path):
    """A line of the file is a config; say how many ran, and what the first that did not raised."""
    ran = 0
    with open(path) as file:
        for line in file:
            try:
                day(line.encode(), ran + 1)
            except Exception as error:  # noqa: BLE001 - it is what is looked for
                print("FAILED", ran, line)
                sys.print_exception(error)
                return
            ran += 1
    print("ran", ran)
