# SPDX-License-Identifier: MIT
"""`[[alarm]]` in a config file, and the same in the node's form and back.

Limits of a pulse channel are flows in L/s; of others they are in the channel's unit. What an alarm
means is the district's definition of the same name (`tirta.water.definitions`, and of meters
`tirta.district.meter_health`). A `meter` alarm is `stuck`, `doubled` and `reversed`, as far as its
meter can be so.
"""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tirta.boards.model import Board
from tirta.config.model import ChannelName
from tirta.errors import TirtaError
from tirta.water import definitions, limits
from tirta_format import columns

_KINDS = {"night_flow": "night", "backflow": "below", "quality": "above"}
FIRST_DAY = date(2020, 1, 1)  # from which a node counts
_DELAYS = {"backflow": float(definitions.BACKFLOW_S)}


class AlarmError(TirtaError):
    """What is wrong with the alarm of this `index` in the file."""

    def __init__(self, index: int, error: TirtaError) -> None:
        super().__init__(error.what, error.hint)
        self.index = index


class Alarm(BaseModel):
    """`channel` is a channel or a column of the record (`pressure_min`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: ChannelName
    kind: Literal[
        "above", "below", "fault", "tamper", "burst", "night_flow", "backflow", "quality",
        "meter", "stuck", "doubled", "reversed",
    ]  # fmt: skip
    channel: ChannelName | None = None
    limit: float | None = None  # of a burst: the least rise that is worth an alarm
    saturday_limit: float | None = None  # these three of a night_flow, in place of the limit
    sunday_limit: float | None = None
    holiday_limit: float | None = None
    hysteresis: Annotated[float, Field(ge=0)] = 0
    delay_s: Annotated[float, Field(ge=0, le=86400)] | None = None  # of `stuck`: standing still
    parameter: str | None = None  # quality: of the limits file
    pressure: ChannelName | None = None
    pressure_min: float | None = None
    night_from_h: Annotated[int, Field(ge=0, le=23)] = definitions.NIGHT_FROM_H
    night_to_h: Annotated[int, Field(ge=1, le=24)] = definitions.NIGHT_TO_H
    holidays: list[str] = []  # of a burst and a night_flow: "2026-03-31", or "FIRST..LAST"
    utc_offset_h: Annotated[float, Field(ge=-12, le=14)] = 7


def entries(
    alarms: list[Alarm], channels: list[dict[str, Any]], interval_ms: int, board: Board
) -> list[dict[str, Any]]:
    """Resolve the node's `alarms`; what cannot be resolved is left for the node's rules to tell.
    Raises AlarmError for a limit that the limits file does not have.
    """
    owners = {name: channels[i] for name, i, _ in columns.columns(channels)}
    found: list[dict[str, Any]] = []
    for i, alarm in enumerate(alarms):
        try:
            found += _entries(alarm, owners, interval_ms, board)
        except TirtaError as error:
            raise AlarmError(i, error) from error
    return found


def _entries(
    alarm: Alarm, owners: dict[str, dict[str, Any]], interval_ms: int, board: Board
) -> Iterator[dict[str, Any]]:
    """One alarm of the file, which may be several of the node's."""
    channel = owners.get(alarm.channel or "", {})
    entry: dict[str, Any] = {"name": alarm.name, "kind": _KINDS.get(alarm.kind, alarm.kind)}
    if alarm.kind == "tamper":
        if (pin := board.pin("tamper")) is not None:
            entry["pin"] = pin.gpio
    elif alarm.channel is not None:
        entry["column"] = alarm.channel
    delay_s = alarm.delay_s if alarm.delay_s is not None else _DELAYS.get(alarm.kind, 0)
    entry |= {} if not delay_s else {"delay_ms": round(delay_s * 1000)}
    factor = _factor(entry["kind"], channel, interval_ms)
    if alarm.hysteresis:
        entry["hysteresis"] = round(alarm.hysteresis * factor)
    if alarm.kind in ("burst", "night_flow"):
        entry |= _night(alarm, factor)
    if alarm.kind in ("burst", "night_flow", "meter", "stuck"):
        entry |= _pressure(alarm, owners)
    if alarm.kind == "quality":
        yield from _quality(alarm, entry, channel, factor)
    elif alarm.kind == "meter":
        yield from _meter(entry, channel)
    else:
        limit = _limit(alarm, channel)
        yield entry if limit is None else entry | {"limit": round(limit * factor)}


def _limit(alarm: Alarm, channel: dict[str, Any]) -> float | None:
    if alarm.kind == "backflow":
        return 0
    if alarm.kind == "burst" and alarm.limit is None and channel.get("sensor") == "pulse":
        return definitions.BURST.rise_at_least_lps
    return alarm.limit


def _factor(kind: str, channel: dict[str, Any], interval_ms: int) -> float:
    if channel.get("sensor") != "pulse":
        return float(channel.get("scale", 1))
    period_ms = definitions.HOUR_S * 1000 if kind in ("burst", "night") else interval_ms
    return float(period_ms / channel["ml"])


def _night(alarm: Alarm, factor: float) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if alarm.night_from_h != definitions.NIGHT_FROM_H:
        out["from_h"] = alarm.night_from_h
    if alarm.night_to_h != definitions.NIGHT_TO_H:
        out["to_h"] = alarm.night_to_h
    if alarm.utc_offset_h != 7:
        out["utc_min"] = round(alarm.utc_offset_h * 60)
    if alarm.holidays:
        out["holidays"] = _days(alarm.holidays)
    if alarm.kind == "night_flow" and alarm.limit is not None:
        out |= _on_days_off(alarm, alarm.limit, factor)
    return out


def _pressure(alarm: Alarm, owners: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if alarm.pressure is None:
        return {}
    if alarm.pressure_min is None:
        return {"pressure": alarm.pressure}
    scale = owners.get(alarm.pressure, {}).get("scale", 1)
    return {"pressure": alarm.pressure, "least": round(alarm.pressure_min * scale)}


def _on_days_off(alarm: Alarm, limit: float, factor: float) -> dict[str, Any]:
    """Limits of Saturdays, Sundays and holidays, where one of them is another."""
    of_days = [alarm.saturday_limit, alarm.sunday_limit, alarm.holiday_limit]
    if of_days == [None, None, None]:
        return {}
    return {"limits": [round((limit if one is None else one) * factor) for one in of_days]}


def _meter(entry: dict[str, Any], channel: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What can be wrong with this meter, an alarm each; the delay and pressure are of `stuck`."""
    plain = {key: entry[key] for key in ("column",) if key in entry}
    name = entry["name"][:7]
    yield {**entry, "kind": "stuck", "name": f"{name}_stuck"}
    if channel.get("sensor") == "pulse":
        yield {**plain, "kind": "doubled", "name": f"{name}_doubled"}
    if channel.get("sensor") != "pulse" or "reverse" in channel:
        yield {**plain, "kind": "reversed", "name": f"{name}_reversed"}


def _days(holidays: list[str]) -> list[int]:
    """First and last day of each in turn, counted from 2020. Raises TirtaError for what is none."""
    found = []
    for text in holidays:
        first, _, last = text.partition("..")
        try:
            ends = [date.fromisoformat(end) for end in (first, last or first)]
        except ValueError:
            raise TirtaError(
                f"{text!r} is no holiday.", 'Write "2026-03-31", or "2026-03-18..2026-03-27".'
            ) from None
        found += [(end - FIRST_DAY).days for end in ends]
    return found


def _holidays(days: list[int]) -> list[str]:
    texts = [(FIRST_DAY + timedelta(days=day)).isoformat() for day in days]
    pairs = zip(texts[::2], texts[1::2], strict=True)
    return [first if first == last else f"{first}..{last}" for first, last in pairs]


def _quality(
    alarm: Alarm, entry: dict[str, Any], channel: dict[str, Any], factor: float
) -> Iterator[dict[str, Any]]:
    """Above and below, as the limits file says."""
    known = limits.load()
    parameter = alarm.parameter or alarm.channel or ""
    rules = [one for one in known.of(parameter, channel.get("unit", "")) if not one.relative_to]
    if not rules:
        raise TirtaError(
            f"The limits file has no limit for {parameter} in {channel.get('unit', '')!r}.",
            f"It has: {', '.join(known.parameters())}. Or write limits: kind above, below.",
        )
    strict = int(rules[0].strict)  # "less than": the limit itself is too much
    if rules[0].high is not None:
        high = round(rules[0].high * factor) - strict
        yield {**entry, "name": f"{alarm.name[:11]}_high", "limit": high}
    if rules[0].low is not None:
        low = round(rules[0].low * factor) + strict
        yield {**entry, "kind": "below", "name": f"{alarm.name[:12]}_low", "limit": low}


def written(config: dict[str, Any]) -> list[str]:
    """Write the `[[alarm]]` tables of a node's config."""
    channels, interval_ms = config["channels"], config["interval_ms"]
    owners = {name: channels[i] for name, i, _ in columns.columns(channels)}
    out: list[str] = []
    for alarm in config.get("alarms", ()):
        kind = alarm["kind"]
        factor = _factor(kind, owners.get(alarm.get("column", ""), {}), interval_ms)
        pairs: dict[str, Any] = {
            "name": alarm["name"], "kind": "night_flow" if kind == "night" else kind,
            "channel": alarm.get("column"),
        }  # fmt: skip
        for key in ("limit", "hysteresis"):
            pairs[key] = alarm[key] / factor if key in alarm else None
        pairs["delay_s"] = alarm["delay_ms"] / 1000 if "delay_ms" in alarm else None
        pairs |= {"night_from_h": alarm.get("from_h"), "night_to_h": alarm.get("to_h")}
        if "pressure" in alarm:
            scale = owners[alarm["pressure"]]["scale"]
            pairs |= {"pressure": alarm["pressure"], "pressure_min": alarm["least"] / scale}
        if "limits" in alarm:
            of_days = ("saturday_limit", "sunday_limit", "holiday_limit")
            pairs |= dict(zip(of_days, (x / factor for x in alarm["limits"]), strict=True))
        if "holidays" in alarm:
            pairs["holidays"] = _holidays(alarm["holidays"])
        if "utc_min" in alarm:
            pairs["utc_offset_h"] = alarm["utc_min"] / 60
        out += ["", "[[alarm]]"]
        out += [f"{key} = {json.dumps(value)}" for key, value in pairs.items() if value is not None]
    return out
