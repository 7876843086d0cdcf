# SPDX-License-Identifier: MIT
"""The config as a node keeps it (FORMAT.md section 8): JSON text, its hash, and its rules.

The laptop writes TOML for people and sends this; the node checks it again. A *rule* is
(least, most) for an integer, (0, longest) for a text. `SENSORS` names the keys of each sensor kind.
"""

import json
from hashlib import sha256

MAX_BYTES = 8000
MAX_CHANNELS = 32
MAX_GPIO = 48
LIMIT = 0x3FFFFFFF  # 2^30 - 1: what the chip handles without allocating

_TEXT = str
_INT = int

# key: (type, least or 0, most, default or None when it must be there)
NODE = {
    "board": (_TEXT, 1, 32, None),
    "channels": (list, 1, MAX_CHANNELS, None),
    "commit_ms": (_INT, 1000, 3600000, 60000),
    "interval_ms": (_INT, 100, 86400000, 60000),
    "name": (_TEXT, 0, 32, ""),
    "version": (_INT, 1, 1, 1),
    "visit_s": (_INT, 5, 86400, 1800),
}
CHANNEL = {
    "name": (_TEXT, 1, 16, None),
    "scale": (_INT, 1, 1000000, 1),
    "sensor": (_TEXT, 1, 16, None),
    "unit": (_TEXT, 0, 16, ""),
}
_PIN = (_INT, 0, MAX_GPIO, None)
SENSORS = {
    # pulses of a flow meter, counted in hardware
    "pulse": {
        "counter": (_INT, 0, 7, None),
        "filter_ns": (_INT, 0, 12787, 10000),
        "ml": (_INT, 1, LIMIT, None),  # millilitres per pulse
        "pin": _PIN,
    },
    # 4-20 mA over a shunt: `low` at 4 mA, `high` at 20 mA, both times the channel's scale
    "current": {
        "high": (_INT, -LIMIT, LIMIT, None),
        "low": (_INT, -LIMIT, LIMIT, None),
        "pin": _PIN,
        "shunt_mohm": (_INT, 10000, 250000, None),
    },
    # a voltage: the line through two points, in microvolts and in value times scale
    "voltage": {
        "pin": _PIN,
        "uv0": (_INT, 0, 3300000, None),
        "uv1": (_INT, 0, 3300000, None),
        "value0": (_INT, -LIMIT, LIMIT, None),
        "value1": (_INT, -LIMIT, LIMIT, None),
    },
    # the only DS18B20 on a 1-Wire bus
    "ds18b20": {"pin": _PIN},
}


def config_hash(text):
    """The first four bytes of SHA-256 of `text` (bytes), as an integer."""
    return int.from_bytes(sha256(text).digest()[:4], "little")


def check(config):
    """What is wrong with a parsed config: a list of (where, what), empty when it can be used."""
    if not isinstance(config, dict):
        return [("", "must be an object")]
    wrong = []
    _check_keys(config, NODE, "", wrong)
    channels = config.get("channels")
    if not isinstance(channels, list):
        return wrong
    names, pins, counters = {}, {}, {}
    for i, channel in enumerate(channels):
        where = "channels[%d]" % i
        if not isinstance(channel, dict):
            wrong.append((where, "must be an object"))
            continue
        _check_channel(channel, where, wrong)
        for key, seen in (("name", names), ("pin", pins), ("counter", counters)):
            value = channel.get(key)
            if isinstance(value, (str, int)) and value in seen:
                what = "%s %s is already used by %s" % (key, value, seen[value])
                wrong.append((where + "." + key, what))
            elif isinstance(value, (str, int)):
                seen[value] = where
    return wrong


def _check_channel(channel, where, wrong):
    kind = channel.get("sensor")
    if not isinstance(kind, str) or kind not in SENSORS:
        wrong.append((where + ".sensor", "must be one of " + ", ".join(sorted(SENSORS))))
        return
    rules = dict(CHANNEL)
    rules.update(SENSORS[kind])
    before = len(wrong)
    _check_keys(channel, rules, where + ".", wrong)
    if len(wrong) > before:
        return
    if kind == "current" and channel["low"] == channel["high"]:
        wrong.append((where + ".high", "must differ from low"))
    if kind == "voltage" and channel["uv0"] == channel["uv1"]:
        wrong.append((where + ".uv1", "must differ from uv0"))


def _check_keys(table, rules, where, wrong):
    for key in sorted(table):
        if key not in rules:
            wrong.append((where + key, "is not a known key"))
    for key in sorted(rules):
        kind, least, most, default = rules[key]
        value = table.get(key, default)
        if value is None:
            wrong.append((where + key, "is missing"))
        elif isinstance(value, bool) or not isinstance(value, kind):
            wrong.append((where + key, "must be %s" % _NAMES[kind]))
        elif kind is int and not least <= value <= most:
            wrong.append((where + key, "must be %d to %d" % (least, most)))
        elif kind is not int and not least <= len(value) <= most:
            wrong.append((where + key, "must have %d to %d entries or letters" % (least, most)))


_NAMES = {int: "a whole number", str: "a text", list: "a list"}


def parse(text):
    """The config in `text` (bytes), with defaults. Raises ValueError that says what is wrong."""
    if len(text) > MAX_BYTES:
        raise ValueError("config is longer than %d bytes" % MAX_BYTES)
    try:
        config = json.loads(text)
    except RuntimeError:  # CPython's reader recurses; MicroPython's does not
        raise ValueError("config is nested too deep")
    wrong = check(config)
    if wrong:
        raise ValueError("%s: %s" % wrong[0])
    for key, rule in NODE.items():
        config.setdefault(key, rule[3])
    for channel in config["channels"]:
        for rules in (CHANNEL, SENSORS[channel["sensor"]]):
            for key, rule in rules.items():
                channel.setdefault(key, rule[3])
    return config
