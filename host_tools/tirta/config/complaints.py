# SPDX-License-Identifier: MIT
"""What pydantic and the node's own rules find, told in the words of the file, with its line."""

import difflib
import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from tirta.config import devices, document, model
from tirta.config.problems import KeyPath, Lines
from tirta.errors import Problem
from tirta.text.numbers import with_point
from tirta_format import config as format_config

KINDS: dict[str, type[BaseModel]] = {
    "4-20mA": model.Current,
    "battery": devices.Battery,
    "board_temp": devices.Own,
    "conductivity": devices.Conductivity,
    "ds18b20": model.Temperature,
    "ezo": devices.Ezo,
    "free_heap": devices.Own,
    "modbus": devices.Modbus,
    "orp": devices.Orp,
    "oxygen": devices.Oxygen,
    "ph": devices.PH,
    "pulse": model.Pulse,
    "sdi12": devices.Sdi12,
    "starts": devices.Own,
    "tds": devices.Conductivity,
    "turbidity": devices.Turbidity,
    "voltage": model.Voltage,
}
_BOOLEAN = {"direction", "raw"}  # keys that are true or false
_CHANNEL = re.compile(r"channels\[(\d+)\]\.?(\w*)")
_ALARM = re.compile(r"alarms\[(\d+)\]\.?(\w*)")
_OTHER_KEY = re.compile(r"(must differ from )(\w+)")
_ALARM_KEYS = {"column": "channel", "pin": "kind", "to_h": "night_to_h", "least": "pressure_min",
               "limits": "saturday_limit"}  # fmt: skip
# What a key of the canonical form is called in the file.
_IN_FILE = {
    "channels": "channel", "commit_ms": "commit_seconds", "interval_ms": "interval_s",
    "ml": "litres_per_pulse", "filter_ns": "filter_us", "low": "at_4ma", "high": "at_20ma",
    "shunt_mohm": "shunt_ohm", "scale": "decimals", "uv0": "points", "uv1": "points",
    "value0": "points", "value1": "points", "counter": "sensor",
    "poll_ms": "poll_s", "age_ms": "max_age_s", "water": "temperature", "fixed": "fallback_c",
    "index": "sensor", "max_hz": "max_per_s", "settle_ms": "debounce_ms",
    "reverse": "reverse_pin", "gain": "ads1115", "input": "ads1115", "rate": "ads1115",
    "mul": "factor", "div": "factor", "shift": "offset",
    "gain_milli": "gain", "cal_uv": "saturated_v", "zero_uv": "zero_v", "table": "decimals",
    "low_mv": "low_v", "period_ms": "period_s", "qc_rate": "qc_rate_per_s",
}  # fmt: skip
# What a field's pattern asks for, and what a list lacks, in words.
_PATTERNS = {
    "address": "is one letter or digit, as the sonde has it",
    "command": "is M, MC, C, CC with 1 to 9 behind it if need be, or R, RC with 0 to 9",
    "name": "has small letters, digits and _, and begins with a letter",
    "rom": "is 16 hexadecimal digits",
}
_TOLD = "or the address of a converter"  # by board_fit, in the words of the file
SAID_ELSEWHERE = (  # by pydantic
    "Input should be {0}", "Input should be a valid number", "Input should be a valid integer",
    "Input should be a valid string", "Input should be greater than {0}",
    "Input should be greater than or equal to {0}", "Input should be less than {0}",
    "Input should be less than or equal to {0}", "String should have at most {0} characters",
    "String should have at least {0} character", "Input should be a finite number",
)  # fmt: skip
_RANGE_HINT = "Choose a value within the range; with fewer `decimals` larger values fit."


def of_format(encoded: bytes, lines: Lines) -> Iterator[Problem]:
    """Apply the node's own rules to the canonical form, told in the words of the file."""
    if len(encoded) > format_config.MAX_BYTES:
        yield Problem(
            lines.name,
            f"The config is {len(encoded)} bytes long, the node keeps {format_config.MAX_BYTES}.",
            "Use fewer channels or shorter names.",
        )
    for where, what in format_config.check(json.loads(encoded)):
        if what.startswith(_TOLD):
            continue
        place: KeyPath
        if found := _CHANNEL.match(where):
            key = _IN_FILE.get(found[2], found[2])
            place = ("channel", int(found[1]), key) if key else ("channel", int(found[1]))
        elif found := _ALARM.match(where):
            place = ("alarm", int(found[1]), _ALARM_KEYS.get(found[2], found[2]))
        else:
            place = (_IN_FILE.get(where, where),)
        told = _OTHER_KEY.sub(lambda found: found[1] + _IN_FILE.get(found[2], found[2]), what)
        yield Problem(lines.where(place), f"The node's form of this value {told}.", _RANGE_HINT)


def place_of(error: Any) -> KeyPath:
    """Return where an error of pydantic is: it names the sensor kind between a channel's index and
    key.
    """
    return tuple(
        [part for i, part in enumerate(error["loc"]) if not (i == 2 and part in KINDS)][:3]
    )


def of_pydantic(error: Any, content: dict[str, Any], lines: Lines) -> Problem:
    """Return one of the errors of a ValidationError."""
    place = place_of(error)
    key = str(place[-1]) if place else ""
    where = lines.where(place)
    match error["type"]:
        case "extra_forbidden":
            close = difflib.get_close_matches(key, _known(place, content), 1)
            hint = f"Did you mean {close[0]}?" if close else "Remove it, or correct its spelling."
            return Problem(where, f"There is no key {key!r}.", hint)
        case "missing":
            hint = "Add a table `[[channel]]` for each sensor."
            if place != ("channel",):
                hint = f"Add a line `{key} = …`."
            return Problem(where, f"The key {key!r} is missing.", hint)
        case "too_long" if "channel" in place:
            count, most = error["ctx"]["actual_length"], error["ctx"]["max_length"]
            what = f"There are {count} tables [[channel]], and a node has {most} at most."
            return Problem(where, what, "Remove some, or give them to another node.")
        case "union_tag_invalid" | "union_tag_not_found":
            kinds = ", ".join(KINDS)
            at = lines.where((*place, "sensor"))
            said = str(error["input"].get("sensor", "")) if isinstance(error["input"], dict) else ""
            alike = {kind.lower(): kind for kind in KINDS}
            close = difflib.get_close_matches(said.lower(), alike, 1)
            hint = f"Did you mean {alike[close[0]]}? " if close else ""
            return Problem(
                at, "The sensor kind is missing or unknown.", f"{hint}Choose one of: {kinds}."
            )
        case "string_pattern_mismatch" if key in _PATTERNS:
            said = str(error["input"])[:40]
            return Problem(where, f"A {key} {_PATTERNS[key]}, not {said!r}.", f"Correct {key}.")
        case "too_short" if isinstance(error.get("input"), list):
            least = error["ctx"]["min_length"]
            return Problem(where, f"The list {key} needs {least} or more.", f"Fill {key}.")
    what = f"{error['msg']}, not {str(error.get('input'))[:40]!r}."
    return Problem(where, what, _number_hint(error, key) or lines.comma(place) or f"Correct {key}.")


def _number_hint(error: Any, key: str) -> str:
    """For a number that stands in quotes, which is a text."""
    if error["type"] not in {"float_parsing", "int_parsing", "float_type", "int_type"}:
        return ""
    try:
        return f"Write a number without quotes: {key} = {with_point(str(error['input']))}"
    except ValueError as two:
        return f"Write it without quotes and with a point: {two}."


def of_booleans(content: dict[str, Any], lines: Lines) -> Iterator[Problem]:
    """Tell of `true` where a number or a text is asked for: pydantic would take it for 1."""
    for place, value in _leaves(content, ()):
        if isinstance(value, bool) and place[-1] not in _BOOLEAN:
            what = f"{str(value).lower()} is no value for {place[-1]}."
            yield Problem(lines.where(place), what, f"Give {place[-1]} a number or a text.")


def _leaves(value: Any, place: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*place, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):  # a table has a line of its own, a number has its key's
            yield from _leaves(inner, (*place, i) if isinstance(inner, dict) else place)
    else:
        yield place, value


def _known(place: KeyPath, content: dict[str, Any]) -> list[str]:
    if len(place) < 3:
        return list(document.Config.model_fields)
    channels = content.get("channel")
    index = place[1]
    if isinstance(channels, list) and isinstance(index, int) and index < len(channels):
        kind = KINDS.get(str(channels[index].get("sensor")))
        return list(kind.model_fields) if kind else []
    return []
