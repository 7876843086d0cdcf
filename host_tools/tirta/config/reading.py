# SPDX-License-Identifier: MIT
"""Read and check a config file: all problems at once, each with its line."""

import difflib
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from tirta import boards
from tirta.boards import Board
from tirta.config import devices, document, model
from tirta.config.canonical import canonical
from tirta.config.memory import too_much
from tirta.config.problems import Lines, Place, Problem
from tirta.errors import TirtaError
from tirta_format import columns
from tirta_format import config as format_config
from tirta_format.kinds import INTERRUPT_HZ

_KINDS: dict[str, type[BaseModel]] = {
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
ERASE_MS = 500  # an erase of 4096 bytes lasts 30 to 400 ms
_CHANNEL = re.compile(r"channels\[(\d+)\]\.?(\w*)")
_ALARM = re.compile(r"alarms\[(\d+)\]\.?(\w*)")
_ALARM_KEYS = {"column": "channel", "pin": "kind", "to_h": "night_to_h", "least": "pressure_min"}
# What a key of the canonical form is called in the file.
_IN_FILE = {
    "channels": "channel", "commit_ms": "commit_seconds", "interval_ms": "interval_s",
    "ml": "litres_per_pulse", "filter_ns": "filter_us", "low": "at_4ma", "high": "at_20ma",
    "shunt_mohm": "shunt_ohm", "scale": "decimals", "uv0": "points", "uv1": "points",
    "value0": "points", "value1": "points", "counter": "sensor",
    "poll_ms": "poll_s", "age_ms": "max_age_s", "water": "temperature", "fixed": "fallback_c",
    "index": "sensor", "max_hz": "max_per_s", "reverse": "reverse_pin", "gain": "ads1115",
    "input": "ads1115", "rate": "ads1115", "mul": "factor", "div": "factor", "shift": "offset",
    "gain_milli": "gain", "cal_uv": "saturated_v", "zero_uv": "zero_v", "table": "decimals",
    "low_mv": "low_v", "period_ms": "period_s", "qc_rate": "qc_rate_per_s",
}  # fmt: skip


@dataclass(frozen=True)
class Checked:
    """`text` is what the node keeps; None when there are problems."""

    problems: list[Problem]
    text: bytes | None = None
    board: Board | None = None
    warnings: list[Problem] = field(default_factory=list)  # can be used, and may disappoint

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": not self.problems,
            "errors": [p.as_json() for p in self.problems],
            "warnings": [p.as_json() for p in self.warnings],
        }


def load(path: Path) -> tuple[bytes, Board]:
    """The canonical text and its board, or a TirtaError with all problems."""
    checked = check(path)
    if checked.text is None or checked.board is None:
        told = "\n".join(f"{p.where}: {p.what}\n  {p.hint}" for p in checked.problems)
        raise TirtaError(f"The config {path} cannot be used.\n{told}", "Nothing was changed.")
    return checked.text, checked.board


def check(path: Path) -> Checked:
    """Everything that is wrong with a config file. Raises TirtaError when it cannot be read."""
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        return Checked([Problem(str(path), "is not a text in UTF-8", "Save it as UTF-8.")])
    except OSError as error:
        raise TirtaError(
            f"Cannot read the config {path}: {error.strerror}.", "Check the path."
        ) from error
    lines = Lines(text, path.name)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        where = f"{path.name}:{line[1]}" if line else path.name
        return Checked([Problem(where, f"is not valid TOML: {error}", "Correct that line.")])
    try:
        config = document.Config.model_validate(content)
    except ValidationError as error:
        return Checked([_of_pydantic(e, content, lines) for e in error.errors()])
    try:
        board = boards.load(config.board)
    except TirtaError as error:
        return Checked([Problem(lines.where(("board",)), error.what, error.hint)])
    problems = list(_pins(config, board, lines))
    if any(_missing(channel, board) for channel in config.channel):
        return Checked(problems)
    try:
        encoded = canonical(config, board)
    except TirtaError as error:  # a limit that the limits file does not have
        return Checked([*problems, Problem(lines.where(("alarm",)), error.what, error.hint)])
    told = {problem.where for problem in problems}
    problems += (p for p in _of_format(encoded, lines) if p.where not in told)
    if not problems:
        problems = list(too_much(json.loads(encoded), lines))
    if problems:
        return Checked(problems)
    return Checked([], encoded, board, list(_slow_flash(json.loads(encoded), lines)))


def _slow_flash(config: dict[str, Any], lines: Lines) -> Iterator[Problem]:
    """Channels of which an erase takes samples."""
    for i, channel in enumerate(config["channels"]):
        period_ms = columns.period_ms(channel, config["interval_ms"])
        if period_ms < ERASE_MS:
            own = "period_ms" in channel
            yield Problem(
                lines.where(("channel", i, "period_s") if own else ("interval_s",)),
                f"Channel {channel['name']} is sampled every {period_ms} ms, and the flash is busy"
                f" for up to {ERASE_MS} ms when it erases a page.",
                f"Samples that fall into it are left out and counted; {ERASE_MS / 1000:g} s or more"
                " loses none.",
            )


def _missing(channel: document.Channel, board: Board) -> bool:
    """Whether a pin of the channel is not the board's: then there is no canonical form."""
    names = (getattr(channel, key, None) for key in ("pin", "reverse_pin"))
    return any(name is not None and name not in board.pins for name in names)


def _pins(config: document.Config, board: Board, lines: Lines) -> Iterator[Problem]:
    taken: dict[str, int] = {}
    for i, channel in enumerate(config.channel):
        for key in ("pin", "reverse_pin"):
            name = getattr(channel, key, None)
            if name is not None:
                where = lines.where(("channel", i, key))
                yield from _pin(config, board, (i, name, where), taken)
        yield from _place(channel, board, lines.where(("channel", i, "sensor")))
    pulses = [i for i, c in enumerate(config.channel) if c.sensor == "pulse"]
    for i in pulses[board.counter_units or len(pulses) :]:
        yield Problem(
            lines.where(("channel", i, "sensor")),
            f"Board {board.name} counts {board.counter_units} pulse inputs in hardware, not more.",
            "Remove this channel, or use a board with more counters.",
        )
    for i in pulses if not board.counter_units else ():
        if (getattr(config.channel[i], "max_per_s", None) or INTERRUPT_HZ + 1) > INTERRUPT_HZ:
            yield Problem(
                lines.where(("channel", i, "max_per_s")),
                f"Board {board.name} counts by interrupt: at most one pulse in 500 ms.",
                "If the meter never gives more, say so: max_per_s = 2. Else use another board.",
            )
    if config.clock and not _has(board, "i2c"):
        yield Problem(lines.where(("clock",)), f"Board {board.name} has no I2C.", "Remove it.")


def _pin(
    config: document.Config, board: Board, use: tuple[int, str, str], taken: dict[str, int]
) -> Iterator[Problem]:
    i, name, where = use
    channel = config.channel[i]
    wanted = document.PIN_FUNCTIONS[channel.sensor]
    fitting = [n for n, p in board.pins.items() if p.function in wanted]
    hint = f"Pins of {board.name} for {channel.sensor}: {', '.join(fitting) or 'none'}."
    pin = board.pin(name)
    if pin is None:
        yield Problem(where, f"Board {board.name} has no pin {name!r}.", hint)
    elif pin.function not in wanted:
        yield Problem(where, f"Pin {name} is for {pin.function}, not for {channel.sensor}.", hint)
    elif name in taken and not (getattr(channel, "rom", None) and _has_rom(config, taken[name])):
        first = config.channel[taken[name]].name
        yield Problem(where, f"Pin {name} is already used by channel {first}.", hint)
    taken.setdefault(name, i)


def _has_rom(config: document.Config, i: int) -> bool:
    return getattr(config.channel[i], "rom", None) is not None


_BUS_PINS = {
    "i2c": ("i2c_scl", "i2c_sda"),
    "modbus": ("rs485_rx", "rs485_tx"),
    "sdi12": ("sdi12",),
}


def _has(board: Board, bus: str) -> bool:
    return all(board.pin(name) for name in _BUS_PINS[bus])


def _place(channel: document.Channel, board: Board, where: str) -> Iterator[Problem]:
    """A converter's input is a pin or an ADS1115's; a bus needs its pins."""
    bus = {"modbus": "modbus", "sdi12": "sdi12", "ezo": "i2c"}.get(channel.sensor)
    if isinstance(channel, model.Converted):
        if (channel.pin is None) == (channel.ads1115 is None):
            yield Problem(
                where,
                "This sensor needs either `pin` or `ads1115`.",
                'Write one of both: pin = "analog_1", or ads1115 = {input = 0}.',
            )
        bus = None if channel.ads1115 is None else "i2c"
    if bus is not None and not _has(board, bus):
        names = ", ".join(_BUS_PINS[bus])
        yield Problem(
            where,
            f"Board {board.name} has no pins for {channel.sensor}.",
            f"Use a board that names {names}.",
        )


def _of_format(encoded: bytes, lines: Lines) -> Iterator[Problem]:
    """The node's own rules on the canonical form, told in the words of the file."""
    if len(encoded) > format_config.MAX_BYTES:
        yield Problem(
            lines.name,
            f"The config is {len(encoded)} bytes long, the node keeps {format_config.MAX_BYTES}.",
            "Use fewer channels or shorter names.",
        )
    for where, what in format_config.check(json.loads(encoded)):
        place: Place
        if found := _CHANNEL.match(where):
            key = _IN_FILE.get(found[2], found[2])
            place = ("channel", int(found[1]), key) if key else ("channel", int(found[1]))
        elif found := _ALARM.match(where):
            place = ("alarm", int(found[1]), _ALARM_KEYS.get(found[2], found[2]))
        else:
            place = (_IN_FILE.get(where, where),)
        yield Problem(lines.where(place), f"The node's form of this value {what}.", _RANGE_HINT)


_RANGE_HINT = "Choose a value within the range; with fewer `decimals` larger values fit."


def _of_pydantic(error: Any, content: dict[str, Any], lines: Lines) -> Problem:
    # Pydantic names the sensor kind between a channel's index and its key.
    kept = [part for i, part in enumerate(error["loc"]) if not (i == 2 and part in _KINDS)]
    place: Place = tuple(kept[:3])
    key = str(place[-1]) if place else ""
    where = lines.where(place)
    match error["type"]:
        case "extra_forbidden":
            close = difflib.get_close_matches(key, _known(place, content), 1)
            hint = f"Did you mean {close[0]}?" if close else "Remove it, or correct its spelling."
            return Problem(where, f"There is no key {key!r}.", hint)
        case "missing":
            return Problem(where, f"The key {key!r} is missing.", f"Add a line `{key} = …`.")
        case "union_tag_invalid" | "union_tag_not_found":
            kinds = ", ".join(_KINDS)
            at = lines.where((*place, "sensor"))
            return Problem(at, "The sensor kind is missing or unknown.", f"Choose one of: {kinds}.")
    what = f"{error['msg']}, not {str(error.get('input'))[:40]!r}."
    return Problem(where, what, f"Correct {key}.")


def _known(place: Place, content: dict[str, Any]) -> list[str]:
    if len(place) < 3:
        return list(document.Config.model_fields)
    channels = content.get("channel")
    index = place[1]
    if isinstance(channels, list) and isinstance(index, int) and index < len(channels):
        kind = _KINDS.get(str(channels[index].get("sensor")))
        return list(kind.model_fields) if kind else []
    return []
