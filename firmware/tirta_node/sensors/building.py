# SPDX-License-Identifier: MIT
"""Makes the drivers that hang on buses (buses.py), on other channels, or on more than one pin.

Called at a start; nothing of it stays in RAM. Only the kinds that the config names are loaded.
"""

from micropython import const

from tirta_format import kinds
from tirta_node.hal import inputs

_SAFE = const(12000)  # pulses that may come between two readings
_QUIET_MS = const(10000)
_SLOW_MS = const(60000)
_FAR_UV = const(10000000)


def make(built, makers, is_plain):
    """Fill in the drivers of a Built, and the buses that are no one else's."""
    _Building(built, makers, is_plain).done()


class _Building:
    """`makers` make the plain kinds."""

    def __init__(self, built, makers, is_plain):
        self.built = built
        self.channels = built.channels
        self.drivers = built.drivers
        self.buses = built.buses
        self.periods = built.periods
        self._makers = makers
        # What others are compensated by must be there to be asked, not read by the tick alone.
        self._waters = [channel["water"] for channel in self.channels if "water" in channel]
        self._is_plain = is_plain
        self._ratios = {}  # one of each, for all that have the same

    def done(self):
        """Thermometers come first: others may be compensated by them."""
        later = []
        for i, channel in enumerate(self.channels):
            if "water" in channel:
                later.append(i)
            else:
                self.drivers[i] = self._make(i, channel)
        for i in later:
            self.drivers[i] = self._make(i, self.channels[i])

    def _make(self, i, channel):
        kind = channel["sensor"]
        quick = kind in self._makers and self._is_plain(channel)
        if quick and channel["name"] not in self._waters:
            return self._makers[kind](channel, self.periods[i])
        made = getattr(self, "_make_" + kind, None)
        return made(i, channel) if made else None

    def _make_pulse(self, i, channel):
        from tirta_node.sensors import counting

        begun = channel.pop("begun", None) or counting.counter(channel, self.periods[i])
        most_hz = counting.most_hz(channel)
        if "settle_ms" in channel:
            from tirta_node.sensors.contact import ContactMeter

            self.buses.append(begun)
            return ContactMeter(begun, most_hz)
        from tirta_node.sensors.pulse_meter import PulseMeter

        if channel["counter"] < 0:
            return PulseMeter(begun, 0, 0, 0, most_hz)
        poll_ms = max(1, _SAFE * 1000 // channel.get("max_hz", kinds.PLAIN_HZ))
        meter = PulseMeter(begun, counting.TURN, poll_ms, 0, most_hz)
        if self.periods[i] > poll_ms:
            self.buses.append(meter)
        return meter

    def _make_current(self, i, channel):
        from tirta_node.sensors.current_loop import CurrentLoop

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
        from tirta_node.sensors.modbus_request import Register

        ratio = channel["mul"], channel["div"]
        ratio = self._ratios.setdefault(ratio, ratio)
        age_ms = self._age_ms(i, channel)
        return Register(channel["type"], channel["order"], ratio, channel["shift"], age_ms)

    def _make_sdi12(self, i, channel):
        from tirta_node.sensors.sdi12 import Value

        return Value(channel["index"], channel["scale"], self._age_ms(i, channel, _SLOW_MS))

    def _make_ezo(self, i, channel):
        from tirta_node.sensors.ezo import Field

        return Field(channel["index"], channel["scale"], self._age_ms(i, channel))

    def _age_ms(self, i, channel, usual_ms=_QUIET_MS):
        return channel.get("age_ms", 3 * self.built.poll_ms(i, channel, usual_ms) + 5000)

    def _converter(self, i, channel):
        if "address" not in channel:
            from tirta_node.sensors.converter import Mean

            return Mean(inputs.converter(channel["pin"]))
        from tirta_node.sensors.ads1115 import Input

        age_ms = 3 * min(_QUIET_MS, self.periods[i]) + 5000
        made = Input(channel["input"], channel["gain"], channel["rate"], age_ms)
        channel["made"] = made
        return made

    def _water(self, channel):
        from tirta_node.sensors.water import Water

        if "water" not in channel:
            return Water(None, 1, channel["fixed"])
        return Water(*self.built.thermometer(channel))
