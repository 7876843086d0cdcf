# SPDX-License-Identifier: MIT
"""The keys of devices.py from the node's form back to a config file."""

import json
from collections.abc import Iterator
from typing import Any

from tirta.config.devices import ORDERS, TYPES

Pairs = Iterator[tuple[str, str]]


def written(channel: dict[str, Any]) -> Pairs:
    """Return (key, TOML text) of what is the kind's own."""
    yield from _polled(channel)
    yield from _KINDS.get(channel["sensor"], _nothing)(channel)


def _nothing(channel: dict[str, Any]) -> Pairs:
    yield from ()


def _polled(channel: dict[str, Any]) -> Pairs:
    for key, name in (("poll_ms", "poll_s"), ("age_ms", "max_age_s")):
        if key in channel:
            yield name, _number(channel[key] / 1000)


def _modbus(channel: dict[str, Any]) -> Pairs:
    scale = channel["scale"]
    yield "slave", str(channel["slave"])
    yield "table", json.dumps("holding" if channel["function"] == 3 else "input")
    yield "register", str(channel["register"])
    yield "type", json.dumps(TYPES[channel["type"]])
    yield "order", json.dumps(ORDERS[channel["order"]])
    yield "factor", _number(channel["mul"] / channel["div"] / scale)
    yield "offset", _number(channel["shift"] / scale)


def _sdi12(channel: dict[str, Any]) -> Pairs:
    yield "address", json.dumps(channel["address"])
    yield "command", json.dumps(channel["command"])
    yield "value", str(channel["index"] + 1)


def _ezo(channel: dict[str, Any]) -> Pairs:
    yield "address", str(channel["address"])
    yield "field", str(channel["index"] + 1)
    if "water" in channel:
        yield "temperature", json.dumps(channel["water"])


def _water(channel: dict[str, Any]) -> Pairs:
    fixed = _number(channel["fixed"] / 100)
    if "water" in channel:
        yield "temperature", json.dumps(channel["water"])
        yield "fallback_c", fixed
    else:
        yield "temperature", fixed


def _ph(channel: dict[str, Any]) -> Pairs:
    yield from _water(channel)
    yield "zero_v", _number(channel["zero_uv"] / 1e6)
    yield "gain", _number(channel["gain_milli"] / 1000)
    yield "offset_mv", _number(channel["offset_uv"] / 1000)
    yield "slope_percent", _number(channel["slope"] / 100)


def _orp(channel: dict[str, Any]) -> Pairs:
    yield "zero_v", _number(channel["uv0"] / 1e6)
    yield "gain", _number((channel["uv1"] - channel["uv0"]) / 1e6)


def _conductivity(channel: dict[str, Any]) -> Pairs:
    yield from _water(channel)
    yield "percent_per_c", _number(channel["alpha"] / 100)
    yield from _curve(channel)


def _curve(channel: dict[str, Any]) -> Pairs:
    points, scale = channel["points"], channel["scale"]
    pairs = zip(points[::2], points[1::2], strict=True)
    told = (f"[{_number(uv / 1e6)}, {_number(value / scale)}]" for uv, value in pairs)
    yield "points", f"[{', '.join(told)}]"


def _oxygen(channel: dict[str, Any]) -> Pairs:
    yield from _water(channel)
    yield "saturated_v", _number(channel["cal_uv"] / 1e6)
    yield "saturated_c", _number(channel["cal_centi"] / 100)
    yield "zero_v", _number(channel["zero_uv"] / 1e6)
    yield "percent_per_c", _number(channel["probe_slope"] / 100)
    yield "salinity", _number(channel["salinity"] / 100)
    yield "pressure_kpa", _number(channel["pressure"] / 1000)


def _battery(channel: dict[str, Any]) -> Pairs:
    yield "low_v", _number(channel["low"] / channel["scale"])


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


_KINDS = {
    "battery": _battery,
    "conductivity": _conductivity,
    "ezo": _ezo,
    "modbus": _modbus,
    "orp": _orp,
    "oxygen": _oxygen,
    "ph": _ph,
    "sdi12": _sdi12,
    "tds": _conductivity,
    "turbidity": _curve,
}
