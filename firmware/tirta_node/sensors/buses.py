# SPDX-License-Identifier: MIT
"""Makes the buses of a config and hangs its drivers on them: who shares a wire, a request, a chip.

Called by `unload` at a start; nothing of it stays in RAM.
"""

from micropython import const

from tirta_node.hal import inputs

_QUIET_MS = const(10000)
_SLOW_MS = const(60000)
_MOST_REGISTERS = const(32)  # in one request: what is checked in one step


def join(built):
    """Append the buses to those of a Built whose drivers are made."""
    _one_wire(built)
    _modbus(built)
    _sdi12(built)
    _ezo(built)
    _ads1115(built)


def _of(built, kind):
    """[(driver, channel, index)] of a kind."""
    rows = zip(built.drivers, built.channels, range(len(built.channels)))
    return [row for row in rows if row[1]["sensor"] == kind]


def _one_wire(built):
    wires = {}
    for driver, channel, i in _of(built, "ds18b20"):
        from tirta_node.sensors.one_wire import OneWireBus

        pin = channel["pin"]
        if pin not in wires:
            wires[pin] = OneWireBus(inputs.one_wire(pin))
            built.buses.append(wires[pin])
        wires[pin].join(driver, built.periods[i])


def _modbus(built):
    rows = _of(built, "modbus")
    if not rows:
        return
    from tirta_node.sensors.modbus import Modbus
    from tirta_node.sensors.modbus_request import Request, Slave

    asks = []
    for driver, channel, i in rows:
        words = 1 if channel["type"] < 2 else 2
        key = channel["slave"], channel["function"], built.poll_ms(i, channel)
        asks.append((key, channel["register"], words, driver))
    asks.sort(key=lambda ask: ask[:3])
    slaves, requests = {}, []
    at = 0
    while at < len(asks):
        key, first, words, _ = asks[at]
        end = first + words
        members = []
        while at < len(asks) and asks[at][0] == key and asks[at][1] <= end:
            _, register, words, driver = asks[at]
            if max(end, register + words) - first > _MOST_REGISTERS:
                break
            end = max(end, register + words)
            driver.place(register - first)
            members.append(driver)
            at += 1
        slave = slaves.setdefault(key[0], Slave(key[0]))
        requests.append(Request(slave, key[1], first, end - first, tuple(members), key[2]))
    line = built.config["modbus"]
    port, char_us = inputs.rs485(line)
    built.buses.append(Modbus(port, requests, char_us, line["timeout_ms"], line["retries"]))


def _sdi12(built):
    rows = _of(built, "sdi12")
    if not rows:
        return
    from tirta_node.sensors.sdi12 import Measurement, Sdi12

    made = {}
    for driver, channel, i in rows:
        poll_ms = built.poll_ms(i, channel, _SLOW_MS)
        made.setdefault((channel["address"], channel["command"], poll_ms), []).append(driver)
    measurements = [Measurement(key[0], key[1], made[key], key[2]) for key in sorted(made)]
    built.buses.append(Sdi12(inputs.sdi12(built.config["sdi12"]["pin"]), measurements))


def _i2c(built):
    """One bus for all who hang on it."""
    if built.i2c is None:
        wires = built.config["i2c"]
        built.i2c = inputs.i2c(wires["scl"], wires["sda"], wires["freq"])
    return built.i2c


def _ezo(built):
    circuits = {}
    for driver, channel, i in _of(built, "ezo"):
        from tirta_node.sensors.ezo import EZO

        address = channel["address"]
        if address in circuits:
            circuits[address].join(driver)
            continue
        poll_ms = built.poll_ms(i, channel)
        water = built.thermometer(channel) if "water" in channel else ()
        circuits[address] = EZO(_i2c(built), address, [driver], poll_ms, *water)
        built.buses.append(circuits[address])


def _ads1115(built):
    chips = {}
    for channel, period_ms in zip(built.channels, built.periods):
        made = channel.pop("made", None)
        if made is not None:
            inputs_of, periods = chips.setdefault(channel["address"], ([], []))
            inputs_of.append(made)
            periods.append(min(_QUIET_MS, period_ms))
    for address, (inputs_of, periods) in chips.items():
        from tirta_node.sensors.ads1115 import ADS1115

        built.buses.append(ADS1115(_i2c(built), address, inputs_of, min(periods)))
