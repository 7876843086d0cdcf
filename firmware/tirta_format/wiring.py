# SPDX-License-Identifier: MIT
"""What hangs on which wire: whether a config has the buses that its channels need, and whether two
things want the same pin.
"""

_PIN_KEYS = ("clock", "de", "mdc", "mdio", "pin", "power", "reverse", "rx", "scl", "sda", "tx")
CLOCKS = ("ds3231",)


def needed(channel):
    """The bus that a channel hangs on, or None."""
    kind = channel.get("sensor")
    if kind in ("modbus", "sdi12"):
        return kind
    return "i2c" if kind == "ezo" or (kind != "sdi12" and "address" in channel) else None


def check(config, wrong):
    """Add what is wrong to `wrong`; all keys are right each for itself."""
    channels = config["channels"]
    taken = {}
    for name in sorted(config):
        for key in sorted(config[name]) if isinstance(config[name], dict) else ():
            value = config[name][key]
            if key in _PIN_KEYS:
                _take(taken, ("pin", value), name + "." + key, "pin", wrong)
    wired = "uplink" in config and "ssid" not in config["uplink"]
    if wired != ("ethernet" in config):
        wrong.append(("uplink", "needs either an ssid or ethernet"))
    clock = config.get("clock")
    if clock is not None and clock not in CLOCKS:
        wrong.append(("clock", "must be one of " + ", ".join(CLOCKS)))
    if clock is not None and "i2c" not in config:
        wrong.append(("clock", "needs the bus i2c"))
    for i, channel in enumerate(channels):
        where = "channels[%d]." % i
        bus = needed(channel)
        if bus is not None and bus not in config:
            wrong.append((where + "sensor", "needs the bus " + bus))
        _take_inputs(taken, channel, where, wrong)
        problem = _water(channel, channels)
        if problem:
            wrong.append((where + "water", problem))
    if "alarm_pin" in config:
        _take(taken, ("pin", config["alarm_pin"]), "alarm_pin", "pin", wrong)
    for i, alarm in enumerate(config.get("alarms", ())):
        if isinstance(alarm, dict) and isinstance(alarm.get("pin"), int):
            _take(taken, ("pin", alarm["pin"]), "alarms[%d].pin" % i, "pin", wrong)


def _take_inputs(taken, channel, where, wrong):
    for key in ("pin", "reverse"):
        if key in channel:
            probe = channel.get("rom") if channel["sensor"] == "ds18b20" else None
            _share(taken, channel[key], probe, where + key, wrong)
    if channel.get("counter", -1) >= 0:
        _take(taken, ("counter", channel["counter"]), where + "counter", "counter", wrong)
    if "input" in channel:
        place = ("input", channel["address"], channel["input"])
        _take(taken, place, where + "input", "input", wrong)


_THERMOMETERS = ("current", "ds18b20", "ezo", "modbus", "sdi12", "voltage")


def _water(channel, channels):
    """What is wrong with the thermometer that compensates a channel, or None."""
    if "water" not in channel:
        return None
    for other in channels:
        if other["name"] == channel["water"]:
            break
    else:
        return "must be the name of a channel of a temperature: there is none such"
    if other is channel or other["sensor"] not in _THERMOMETERS or "water" in other:
        what = "must be the name of a channel of a temperature: not %s, which is "
        return what % other["name"] + ("this one" if other is channel else "no plain thermometer")
    from tirta_format import degrees  # few configs need it

    factors = degrees.to_centi(other.get("unit", ""))
    if factors is None or (factors[2] and other["sensor"] == "ds18b20"):
        told = other["name"], other.get("unit", "")
        return (
            "must be the name of a channel of a temperature in degC, K or degF; %s has '%s'" % told
        )
    return None


def _share(taken, pin, probe, where, wrong):
    """DS18B20 with different ROM codes share a pin; nothing else does."""
    if probe is None:
        _take(taken, ("pin", pin), where, "pin", wrong)
    elif taken.get(("pin", pin), "1-Wire") != "1-Wire":
        wrong.append((where, "pin %d is already used by %s" % (pin, taken["pin", pin])))
    else:
        taken["pin", pin] = "1-Wire"
        _take(taken, ("rom", pin, probe), where, "thermometer", wrong)


def _take(taken, place, where, what, wrong):
    if place in taken:
        wrong.append((where, "%s %s is already used by %s" % (what, place[-1], taken[place])))
    else:
        taken[place] = where.rsplit(".", 1)[0]
