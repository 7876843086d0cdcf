# SPDX-License-Identifier: MIT
"""The kinds of sensors in a config: the keys of each, and the shortest period that it can keep.

A *rule* is (type, least, most, default): of an integer the range, of a text or list its length.
Default None: the key must be there; OMIT: it may be absent, and nothing stands in for it.
"""

MAX_GPIO = 48
LIMIT = 0x3FFFFFFF  # 2^30 - 1: what the chip handles without allocating
LEAST_MS = 10
OMIT = object()

# A rule is "key type least most default", type i (whole number), t (text), l (list) or b (yes or
# no); default ? = OMIT, none = must be there. Text, since as objects they would take 12 KB of RAM.
CONVERTER = "address i 72 75 ?;gain i 0 5 ?;input i 0 7 ?;pin i 0 48 ?;rate i 0 7 ?;raw b 0 1 ?;"
TWO_POINTS = (
    "uv0 i -1073741823 1073741823;"
    "uv1 i -1073741823 1073741823;"
    "value0 i -1073741823 1073741823;"
    "value1 i -1073741823 1073741823;"
)
# What most nodes have; the rest is in devices.py, which a node loads only for such a config.
PLAIN = {
    # pulses of a flow meter, counted in hardware (counter -1: by interrupt), minus those at reverse
    "pulse": (
        "counter i -1 7;"
        "filter_ns i 0 12787 10000;"
        "max_hz i 1 40000 ?;"
        "ml i 1 1073741823;"
        "pin i 0 48;"
        "reverse i 0 48 ?;"
        "settle_ms i 4 200 ?;"
    ),
    # 4-20 mA over a shunt: `low` at 4 mA, `high` at 20 mA, both times the channel's scale
    "current": (
        CONVERTER
        + ("high i -1073741823 1073741823;low i -1073741823 1073741823;shunt_mohm i 10000 250000;")
    ),
    # a voltage: the line through two points, in microvolts and in value times scale
    "voltage": CONVERTER + TWO_POINTS,
    # a DS18B20 on a 1-Wire bus; `rom` (hexadecimal) where it is not alone
    "ds18b20": ("pin i 0 48;raw b 0 1 ?;rom t 16 16 ?;"),
}
# One text, since short ones that stand alone are names, which never leave RAM.
_SENSORS = (
    "battery board_temp conductivity current ds18b20 ezo free_heap modbus orp oxygen ph pulse "
    "sdi12 starts tds turbidity voltage"
)
SENSORS = tuple(_SENSORS.split())
INTERRUPT_HZ = 2  # a flash operation holds interrupts for up to 400 ms
PLAIN_HZ = 200  # of a meter whose config does not say
SETTLED_HZ = 250  # a contact that settles in one ms: twice that closed, and twice open
_RATES = (8, 16, 32, 64, 128, 250, 475, 860)  # conversions a second of an ADS1115
# A DS18B20 converts for 750 ms, and its bus takes 20 ms before and after; an EZO circuit takes
# 300 ms for a temperature and 900 ms for a reading; SDI-12 runs at 1200 baud.
_LEAST_MS = {"ds18b20": 1000, "ezo": 1500, "modbus": 100, "sdi12": 1000}


_TYPES = {"b": bool, "i": int, "l": list, "t": str}


def rules(kind):
    """{key: (type, least, most, default)} of a kind. Raises KeyError when there is no such kind."""
    return rules_in(PLAIN[kind] if kind in PLAIN else _devices().DEVICES[kind])


def rules_in(text):
    """The same of rules that are written as text."""
    found = {}
    for rule in text.split(";")[:-1]:
        parts = rule.split(" ")
        default = None if len(parts) < 5 else OMIT if parts[4] == "?" else _default(parts[4])
        found[parts[0]] = (_TYPES[parts[1]], int(parts[2]), int(parts[3]), default)
    return found


def check_keys(table, rules, where, wrong):
    """Add to `wrong` what is wrong with each key of a table alone."""
    for key in sorted(table):
        if key not in rules:
            wrong.append((where + key, "is not a known key"))
    for key in sorted(rules):
        kind, least, most, default = rules[key]
        value = table.get(key, default)
        if value is OMIT:
            continue
        if value is None:
            wrong.append((where + key, "is missing"))
        elif not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
            wrong.append((where + key, "must be %s" % _NAMES[kind]))
        elif kind is int and not least <= value <= most:
            wrong.append((where + key, "must be %d to %d" % (least, most)))
        elif kind in _SIZED and not least <= len(value) <= most:
            wrong.append((where + key, "must have %d to %d entries or letters" % (least, most)))


_NAMES = {
    int: "a whole number",
    str: "a text",
    list: "a list",
    bool: "true or false",
    dict: "an object",
}
_SIZED = (str, list)


def _default(text):
    return int(text) if text[-1] in "0123456789" else text


def least_ms(channel):
    """The shortest period of this channel."""
    if "rate" in channel and "address" in channel:
        return 1200 // _RATES[channel["rate"]] + 20
    return _LEAST_MS.get(channel["sensor"], LEAST_MS)


def check(channel):
    """What is wrong between the keys of one channel: (key, what), or None."""
    if "gain" in rules(channel["sensor"]):
        if ("pin" in channel) == ("address" in channel):
            return "pin", "or the address of a converter must be given, not both"
        for key in ("gain", "input", "rate"):
            if (key in channel) != ("address" in channel):
                return key, "belongs to the address of a converter"
    kind = channel["sensor"]
    if kind == "current" and channel["low"] == channel["high"]:
        return "high", "must differ from low"
    if kind in ("voltage", "orp") and channel["uv0"] == channel["uv1"]:
        return "uv1", "must differ from uv0"
    plain = kind in PLAIN and "rom" not in channel and channel.get("counter", 0) >= 0
    plain = plain and "settle_ms" not in channel
    if plain:
        return None
    from tirta_format import device_checks

    return device_checks.check(channel, _LEAST_MS)


def _devices():
    from tirta_format import devices

    return devices
