# SPDX-License-Identifier: MIT
"""Calibrations (FORMAT.md sections 5, 7 and 8.3): other values for some keys of a channel.

A *calibration* holds while the config says what it said when it was made: a config with other
values for these keys is newer. Loaded for a start or a request, then dropped.
"""

import json

from tirta_format import varint

RECORD = 7  # the meta record
TAG = 20  # of the state: JSON, {channel: {"sensor", "scale", "base", "keys", "unix", "method"}}
CALIBRATE, CALIBRATIONS, PROBE = 0x21, 0x22, 0x23  # requests
_LINE = ("uv0", "uv1", "value0", "value1")
KEYS = {
    "conductivity": ("points",),
    "current": ("high", "low"),
    "orp": _LINE,
    "oxygen": ("cal_centi", "cal_uv", "zero_uv"),
    "ph": ("offset_uv", "slope"),
    "tds": ("points",),
    "turbidity": ("points",),
    "voltage": _LINE,
}
# Probes that say nothing reliable before somebody has held them into something known.
WANTING = ("conductivity", "oxygen", "ph", "tds", "turbidity")
LEAST_SLOPE, MOST_SLOPE = 8500, 10500  # of a pH electrode, 10000 = Nernst's


def record(uptime_ms, name, unix_s, texts):
    """The meta record; `texts` are method, who, and as JSON the old keys, the new ones, points."""
    out = bytes((RECORD,)) + varint.encode(uptime_ms)
    data = name.encode()
    out += varint.encode(len(data)) + data + varint.encode(unix_s)
    for text in texts:
        data = text.encode()
        out += varint.encode(len(data)) + data
    return out


def overlay(config, fields):
    """Put the calibrations among the state's `fields` into a checked config."""
    known = json.loads(fields.get(TAG, b"{}"))
    for channel in config["channels"]:
        found = known.get(channel["name"])
        if found is not None and holds(channel, found):
            channel.update(found["keys"])
        elif channel["sensor"] in WANTING:
            channel["uncalibrated"] = True


def holds(channel, found):
    """Whether the config still says of the channel what it said when this was found."""
    if (channel["sensor"], channel["scale"]) != (found["sensor"], found["scale"]):
        return False
    base = found["base"]
    return all(channel.get(key) == base[key] for key in base)
