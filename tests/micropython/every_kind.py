# SPDX-License-Identifier: MIT
"""A node with a channel of every kind of sensor, wired to devices that answer.

The hal gives out simple hardware, and the devices of check_buses and modbus_line.
"""

import json

from check_buses import PAD_1, ROM_1, Circuit, Converter, Sonde, Wire
from faketime import time
from modbus_line import CHAR_US, Line, Registers

from tirta_format import columns, config, kinds
from tirta_node import sensors
from tirta_node.hal import inputs
from tirta_node.hal.edges import EdgeCounter
from tirta_node.sampling import assemble
from tirta_node.storage.ring import Ring

POINTS = [200000, 0, 2200000, 2000000]
TWO_POINTS = {"uv0": 414000, "value0": 400, "uv1": 2000000, "value1": 1000}
LOOP = {"shunt_mohm": 100000, "low": 0, "high": 10000}
ADS1115 = {"address": 0x48, "input": 0, "gain": 2, "rate": 7}
CHANNELS = (
    ("pulse", {"counter": 0, "pin": 1, "ml": 1000}),
    ("pulse", {"counter": 1, "pin": 2, "ml": 1000, "reverse": 3}),
    ("pulse", {"counter": -1, "pin": 4, "ml": 1000, "max_hz": 2}),
    ("current", dict(LOOP, pin=5)),
    ("current", dict(LOOP, **ADS1115)),
    ("voltage", dict(TWO_POINTS, pin=6, raw=True)),
    ("orp", dict(TWO_POINTS, pin=7)),
    ("ds18b20", {"pin": 8, "scale": 100}),
    ("ph", {"pin": 9, "zero_uv": 1500000, "gain_milli": 3000, "scale": 1000}),
    ("conductivity", {"pin": 10, "points": POINTS, "water": "ds18b20_7"}),
    ("tds", {"pin": 11, "points": POINTS}),
    ("turbidity", {"pin": 12, "points": POINTS}),
    ("oxygen", {"pin": 13, "cal_uv": 1000000, "table": [14621 - 300 * i for i in range(21)]}),
    ("battery", {"pin": 14, "divider": 11000}),
    ("board_temp", {}),
    ("free_heap", {}),
    ("starts", {}),
    ("ezo", {"address": 99, "scale": 1000, "poll_ms": 5000}),
    ("modbus", {"slave": 1, "register": 0, "poll_ms": 1000}),
    ("sdi12", {"address": "0", "command": "R0", "scale": 100, "poll_ms": 5000}),
)


class Adc:
    uv = 1234567

    def read_uv(self):
        self.uv ^= 2048
        return self.uv


class Counter:
    count = 0

    def value(self):
        self.count += 17
        return self.count


class Pin:
    IRQ_RISING = 1

    def irq(self, handler, trigger):
        self.handler = handler


class I2C:
    """An ADS1115 and an EZO circuit."""

    def __init__(self):
        self._devices = {0x48: Converter(), 99: Circuit()}

    def writeto(self, address, data):
        self._devices[address].writeto(address, data)

    def readfrom_into(self, address, buf):
        self._devices[address].readfrom_into(address, buf)


def _wire():
    line = Line()
    line.slaves[1] = Registers(1, [321])
    i2c = I2C()
    sonde = Sonde({b"0R0!": [(15, b"0+3.14\r\n")]})
    inputs.counter = lambda unit, gpio, filter_ns: Counter()
    inputs.unit = lambda number, gpio, filter_ns, turn, reverse=None: Counter()
    inputs.converter = lambda gpio: Adc()
    inputs.edges = lambda gpio: EdgeCounter(Pin())
    inputs.one_wire = lambda gpio: Wire({ROM_1: PAD_1})
    inputs.i2c = lambda scl, sda, freq: i2c
    inputs.rs485 = lambda config: (line, CHAR_US)
    inputs.sdi12 = lambda gpio: sonde
    inputs.board_temperature = lambda: lambda: 41


def build(interval_ms, changes):
    """(ring, sampler); `changes` maps places of CHANNELS to more keys."""
    _wire()
    channels = []
    for i, (kind, keys) in enumerate(CHANNELS):
        channel = dict(keys, name="%s_%d" % (kind, i), sensor=kind)
        channel.update(changes.get(i, {}))
        channels.append(channel)
    whole = {
        "board": "virtual",
        "channels": channels,
        "interval_ms": interval_ms,
        "i2c": {"scl": 20, "sda": 21},
        "modbus": {"tx": 22, "rx": 23},
        "sdi12": {"pin": 24},
    }
    made = config.parse(json.dumps(whole).encode())
    assert {channel["sensor"] for channel in channels} == set(kinds.SENSORS)
    ring = Ring(len(columns.columns(channels)))
    drivers, buses = sensors.make(made)
    for driver in drivers:
        if hasattr(driver, "begun"):
            driver.begun(3)
    return ring, assemble.build(drivers, buses, made["channels"], interval_ms, ring)


def run(sampler, ms, before, after):
    """Tick and poll as the loop does; `before` and `after` each tick."""
    end = time.ticks_add(time.ticks_ms(), ms)
    while time.ticks_diff(end, time.ticks_ms()) > 0:
        before()
        left_ms = sampler.tick(sampler.cells, sampler.state, time.ticks_ms(), sampler.parts)
        after()
        time.sleep_ms(max(0, sampler.poll(left_ms)))
