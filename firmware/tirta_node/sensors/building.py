# SPDX-License-Identifier: MIT
"""Makes the drivers that hang on buses, on other channels, or on more than one pin, and the buses.

Called at a start; nothing of it stays in RAM. Only the kinds that the config names are loaded.
"""

from micropython import const

from tirta_node.hal import inputs

_TURN = const(30000)  # at which a PCNT unit begins anew
_SAFE = const(12000)  # pulses that may come between two readings
_PLAIN_HZ = const(200)  # of a meter whose config does not say
_QUIET_MS = const(10000)
_SLOW_MS = const(60000)
_MOST_REGISTERS = const(32)  # in one request: what is checked in one step
_FAR_UV = const(10000000)


class Building:
    """`makers` make the plain kinds."""

    def __init__(self, channels, interval_ms, config, makers, is_plain):
        self.channels = channels
        self.config = config
        self.buses = []
        self._periods = [channel.get("period_ms", interval_ms) for channel in channels]
        self._drivers = [None] * len(channels)
        self._makers = makers
        self._is_plain = is_plain
        self._i2c = None

    def done(self):
        """(drivers, buses). Thermometers come first: others may be compensated by them."""
        later = []
        for i, channel in enumerate(self.channels):
            if "water" in channel:
                later.append(i)
            else:
                self._drivers[i] = self._make(i, channel)
        for i in later:
            self._drivers[i] = self._make(i, self.channels[i])
        self._one_wire()
        self._modbus()
        self._sdi12()
        self._ezo()
        self._ads1115()
        return self._drivers, self.buses

    def _make(self, i, channel):
        kind = channel["sensor"]
        if kind in self._makers and self._is_plain(channel):
            return self._makers[kind](channel, self._periods[i])
        made = getattr(self, "_make_" + kind, None)
        return made(i, channel) if made else None

    def _make_pulse(self, i, channel):
        from tirta_node.sensors.flow import PulseMeter

        if channel["counter"] < 0:
            return PulseMeter(inputs.edges(channel["pin"]))
        reverse = channel.get("reverse")
        args = channel["counter"], channel["pin"], channel["filter_ns"], _TURN, reverse
        most_hz = channel.get("max_hz", _PLAIN_HZ)
        poll_ms = max(1, _SAFE * 1000 // most_hz)
        meter = PulseMeter(inputs.unit(*args), _TURN, poll_ms)
        if self._periods[i] > poll_ms:
            self.buses.append(meter)
        return meter

    def _make_current(self, i, channel):
        from tirta_node.sensors.loop import CurrentLoop

        converter = self._converter(i, channel)
        return CurrentLoop(converter, channel["shunt_mohm"], channel["low"], channel["high"])

    def _make_voltage(self, i, channel):
        from tirta_node.sensors.curve import Curve

        points = [channel["uv0"], channel["value0"], channel["uv1"], channel["value1"]]
        if points[0] > points[2]:
            points = points[2:] + points[:2]
        return Curve(self._converter(i, channel), points, _FAR_UV)

    _make_orp = _make_voltage

    def _make_turbidity(self, i, channel):
        from tirta_node.sensors.curve import Curve

        return Curve(self._converter(i, channel), channel["points"])

    def _make_conductivity(self, i, channel):
        from tirta_node.sensors.conductivity import Conductivity

        water = self._water(channel)
        return Conductivity(self._converter(i, channel), channel["points"], water, channel["alpha"])

    _make_tds = _make_conductivity

    def _make_ph(self, i, channel):
        from tirta_node.sensors.ph import PH

        return PH(
            self._converter(i, channel), self._water(channel), channel["zero_uv"],
            channel["gain_milli"], channel["offset_uv"], channel["slope"], channel["scale"],
        )  # fmt: skip

    def _make_oxygen(self, i, channel):
        from tirta_node.sensors.oxygen import Oxygen

        return Oxygen(
            self._converter(i, channel), self._water(channel), channel["zero_uv"],
            channel["cal_uv"], channel["cal_centi"], channel["probe_slope"], channel["table"],
        )  # fmt: skip

    def _make_battery(self, i, channel):
        from tirta_node.sensors.battery import Battery

        args = channel["divider"], channel["scale"], channel["low"]
        return Battery(self._converter(i, channel), *args)

    def _make_board_temp(self, i, channel):
        from tirta_node.sensors.own import Own

        return Own(inputs.board_temperature())

    def _make_free_heap(self, i, channel):
        import gc

        from tirta_node.sensors.own import Own

        return Own(gc.mem_free)

    def _make_starts(self, i, channel):
        from tirta_node.sensors.own import Starts

        return Starts()

    def _make_ds18b20(self, i, channel):
        from tirta_node.sensors.one_wire import DS18B20

        rom = channel.get("rom")
        if rom is not None:
            rom = bytes([int(rom[k : k + 2], 16) for k in range(0, 16, 2)])
        return DS18B20(rom, channel["scale"])

    def _make_modbus(self, i, channel):
        from tirta_node.sensors.modbus import Register

        ratio = channel["mul"], channel["div"]
        age_ms = self._age_ms(i, channel)
        return Register(channel["type"], channel["order"], ratio, channel["shift"], age_ms)

    def _make_sdi12(self, i, channel):
        from tirta_node.sensors.sdi12 import Value

        return Value(channel["index"], channel["scale"], self._age_ms(i, channel, _SLOW_MS))

    def _make_ezo(self, i, channel):
        from tirta_node.sensors.ezo import Field

        return Field(channel["index"], channel["scale"], self._age_ms(i, channel))

    def _poll_ms(self, i, channel, usual_ms=_QUIET_MS):
        return channel.get("poll_ms", min(usual_ms, self._periods[i]))

    def _age_ms(self, i, channel, usual_ms=_QUIET_MS):
        return channel.get("age_ms", 3 * self._poll_ms(i, channel, usual_ms) + 5000)

    def _converter(self, i, channel):
        if "address" not in channel:
            from tirta_node.sensors.converter import Mean

            return Mean(inputs.converter(channel["pin"]))
        from tirta_node.sensors.ads1115 import Input

        age_ms = 3 * min(_QUIET_MS, self._periods[i]) + 5000
        made = Input(channel["input"], channel["gain"], channel["rate"], age_ms)
        channel["made"] = made
        return made

    def _water(self, channel):
        from tirta_node.sensors.water import Water

        if "water" not in channel:
            return Water(None, 1, channel["fixed"])
        i = self._index(channel["water"])
        return Water(self._drivers[i], self.channels[i]["scale"], channel["fixed"])

    def _index(self, name):
        for i, channel in enumerate(self.channels):
            if channel["name"] == name:
                return i
        raise ValueError("no channel " + name)

    def _of(self, kind):
        """[(driver, channel, index)] of a kind."""
        rows = zip(self._drivers, self.channels, range(len(self.channels)))
        return [row for row in rows if row[1]["sensor"] == kind]

    def _one_wire(self):
        wires = {}
        for driver, channel, _ in self._of("ds18b20"):
            from tirta_node.sensors.one_wire import OneWireBus

            pin = channel["pin"]
            if pin not in wires:
                wires[pin] = OneWireBus(inputs.one_wire(pin))
                self.buses.append(wires[pin])
            wires[pin].join(driver)

    def _modbus(self):
        rows = self._of("modbus")
        if not rows:
            return
        from tirta_node.sensors.modbus import Modbus, Request, Slave

        asks = []
        for driver, channel, i in rows:
            words = 1 if channel["type"] < 2 else 2
            key = channel["slave"], channel["function"], self._poll_ms(i, channel)
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
            requests.append(Request(slave, key[1], first, end - first, members, key[2]))
        line = self.config["modbus"]
        port, char_us = inputs.rs485(line)
        self.buses.append(Modbus(port, requests, char_us, line["timeout_ms"], line["retries"]))

    def _sdi12(self):
        rows = self._of("sdi12")
        if not rows:
            return
        from tirta_node.sensors.sdi12 import Measurement, Sdi12

        made = {}
        for driver, channel, i in rows:
            poll_ms = self._poll_ms(i, channel, _SLOW_MS)
            made.setdefault((channel["address"], channel["command"], poll_ms), []).append(driver)
        measurements = [Measurement(key[0], key[1], made[key], key[2]) for key in sorted(made)]
        self.buses.append(Sdi12(inputs.sdi12(self.config["sdi12"]["pin"]), measurements))

    def _bus(self):
        if self._i2c is None:
            wires = self.config["i2c"]
            self._i2c = inputs.i2c(wires["scl"], wires["sda"], wires["freq"])
        return self._i2c

    def _ezo(self):
        circuits = {}
        for driver, channel, i in self._of("ezo"):
            from tirta_node.sensors.ezo import EZO

            address = channel["address"]
            if address in circuits:
                circuits[address].join(driver)
                continue
            water, degree = None, 1
            if "water" in channel:
                at = self._index(channel["water"])
                water, degree = self._drivers[at], self.channels[at]["scale"]
            poll_ms = self._poll_ms(i, channel)
            circuits[address] = EZO(self._bus(), address, [driver], poll_ms, water, degree)
            self.buses.append(circuits[address])

    def _ads1115(self):
        chips = {}
        for channel, period_ms in zip(self.channels, self._periods):
            made = channel.pop("made", None)
            if made is not None:
                inputs_of, periods = chips.setdefault(channel["address"], ([], []))
                inputs_of.append(made)
                periods.append(min(_QUIET_MS, period_ms))
        for address, (inputs_of, periods) in chips.items():
            from tirta_node.sensors.ads1115 import ADS1115

            self.buses.append(ADS1115(self._bus(), address, inputs_of, min(periods)))
