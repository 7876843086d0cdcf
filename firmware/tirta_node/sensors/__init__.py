# SPDX-License-Identifier: MIT
"""One file a kind of sensor, loaded when a config names it. `build` makes the drivers.

A *driver* is handed a counter, a converter or a bus, never a pin. It has
- `quick(row, period_ms)` when the tick itself can read it (tirta_node/sensors/row.py); or else
- `sample()`, which leaves `value` (an integer), `flag` (QARTOD) and, where a config may ask for it,
  `raw`; it takes at most 1 ms, never waits and never allocates;
- `lead_ms` and `prepare()`, when that is to be called so long before each sample.
A *bus* has `poll()`: one step of at most 2 ms, which returns the ms until it wants the next.
"""

from tirta_node import unload

_QUIET_MS = 10000
_OWN_METER = ("max_hz", "reverse", "settle_ms")  # with these the tick cannot count by itself


def make(config):
    """`build` for a node's checked config; probes that nobody has calibrated say so."""
    channels = config["channels"]
    drivers, buses = build(channels, config["interval_ms"], config)
    if any("uncalibrated" in channel for channel in channels):
        from tirta_node.sensors import uncalibrated

        uncalibrated.wrap(drivers, channels)
    return drivers, buses


def build(channels, interval_ms, config):
    """(a driver for each channel of a checked config, the buses behind them)."""
    if all(_is_plain(channel) for channel in channels):
        drivers, buses = [], []
        for channel in channels:
            period_ms = channel.get("period_ms", interval_ms)
            if channel["sensor"] == "ds18b20":
                drivers.append(_thermometer(channel, period_ms, buses))
            else:
                drivers.append(_MAKERS[channel["sensor"]](channel, period_ms))
        return drivers, buses
    for channel in channels:
        _load(channel)
    built = Built(channels, interval_ms, config)
    unload.call("tirta_node.sensors.building", "make", built, _MAKERS, _is_plain)
    unload.call("tirta_node.sensors.buses", "join", built)
    return built.drivers, built.buses


class Built:
    """What `building` and `buses` make, one after the other: there is no room for both."""

    def __init__(self, channels, interval_ms, config):
        self.channels = channels
        self.config = config
        self.drivers = [None] * len(channels)
        self.buses = []
        self.i2c = None
        self.periods = [channel.get("period_ms", interval_ms) for channel in channels]

    def poll_ms(self, i, channel, usual_ms=_QUIET_MS):
        """How often a device on a bus is asked."""
        return channel.get("poll_ms", min(usual_ms, self.periods[i]))

    def thermometer(self, channel):
        """(driver, scale, hundredths of a degree where it has none, unit) of what compensates."""
        i = self.index(channel["water"])
        of = self.channels[i]
        return self.drivers[i], of["scale"], channel["fixed"], of["unit"]

    def index(self, name):
        """Of a channel. Raises ValueError when there is none."""
        for i, channel in enumerate(self.channels):
            if channel["name"] == name:
                return i
        raise ValueError("no channel " + name)


def _load(channel):
    """Import the module that stays in RAM before anything that leaves it again: what lay between
    them would leave holes too small for a page or a text.
    """
    names = [_MODULES.get(channel["sensor"], channel["sensor"])]
    if "address" in channel and "input" in channel:
        names.append("ads1115")
    if channel["sensor"] == "modbus":
        names.append("modbus_request")
    for name in names:
        if name:
            __import__("tirta_node.sensors." + name)


def _is_plain(channel):
    """Whether a channel needs no shared bus, no other channel and no second pin."""
    pulse = channel["sensor"] == "pulse"
    if pulse and (channel["counter"] < 0 or any(key in channel for key in _OWN_METER)):
        return False
    if channel["sensor"] == "ds18b20":
        return "rom" not in channel
    return channel["sensor"] in _MAKERS and "address" not in channel


def _pulse(channel, period_ms):
    from tirta_node.sensors import counting
    from tirta_node.sensors.pulse_row import PulseRow

    counter = channel.pop("begun", None) or counting.counter(channel, period_ms)
    turn = counting.QUICK_TURN if period_ms < counting.QUICK_MS else 0
    return PulseRow(counter, turn, 0, counting.most_hz(channel))


def _current(channel, period_ms):
    from tirta_node.hal import inputs
    from tirta_node.sensors.current_row import CurrentRow

    converter = inputs.converter(channel["pin"])
    return CurrentRow(converter, channel["shunt_mohm"], channel["low"], channel["high"])


def _voltage(channel, period_ms):
    from tirta_node.hal import inputs
    from tirta_node.sensors.voltage_row import VoltageRow

    points = (channel["uv0"], channel["value0"]), (channel["uv1"], channel["value1"])
    return VoltageRow(inputs.converter(channel["pin"]), *points)


def _thermometer(channel, period_ms, buses):
    from tirta_node.hal import inputs
    from tirta_node.sensors.one_wire import DS18B20, OneWireBus

    bus = OneWireBus(inputs.one_wire(channel["pin"]))
    driver = DS18B20(None, channel["scale"])
    bus.join(driver, period_ms)
    buses.append(bus)
    return driver


# Where the module has another name than the kind; none: makers know better.
_MODULES = {
    "board_temp": "own", "current": "", "ds18b20": "one_wire", "free_heap": "own", "orp": "",
    "pulse": "", "starts": "own", "tds": "conductivity", "turbidity": "curve", "voltage": "",
}  # fmt: skip
_MAKERS = {"pulse": _pulse, "current": _current, "voltage": _voltage, "orp": _voltage}
