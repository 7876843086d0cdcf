# SPDX-License-Identifier: MIT
"""Read and check a config file: all problems at once, each with its line."""

import difflib
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from tirta import boards
from tirta.boards import Board
from tirta.config import model
from tirta.config.canonical import canonical
from tirta.config.problems import Lines, Place, Problem
from tirta.errors import TirtaError
from tirta_format import config as format_config

_KINDS: dict[str, type[BaseModel]] = {
    "4-20mA": model.Current,
    "ds18b20": model.Temperature,
    "pulse": model.Pulse,
    "voltage": model.Voltage,
}
_CHANNEL = re.compile(r"channels\[(\d+)\]\.?(\w*)")
# What a key of the canonical form is called in the file.
_IN_FILE = {
    "channels": "channel", "commit_ms": "commit_seconds", "interval_ms": "interval_s",
    "ml": "litres_per_pulse", "filter_ns": "filter_us", "low": "at_4ma", "high": "at_20ma",
    "shunt_mohm": "shunt_ohm", "scale": "decimals", "uv0": "points", "uv1": "points",
    "value0": "points", "value1": "points", "counter": "sensor",
}  # fmt: skip


@dataclass(frozen=True)
class Checked:
    """`text` is what the node keeps; None when there are problems."""

    problems: list[Problem]
    text: bytes | None = None
    board: Board | None = None

    def as_json(self) -> dict[str, Any]:
        return {"ok": not self.problems, "errors": [p.as_json() for p in self.problems]}


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
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        where = f"{path.name}:{line[1]}" if line else path.name
        return Checked([Problem(where, f"is not valid TOML: {error}", "Correct that line.")])
    try:
        config = model.Config.model_validate(document)
    except ValidationError as error:
        return Checked([_of_pydantic(e, document, lines) for e in error.errors()])
    try:
        board = boards.load(config.board)
    except TirtaError as error:
        return Checked([Problem(lines.where(("board",)), error.what, error.hint)])
    problems = list(_pins(config, board, lines))
    if any(channel.pin not in board.pins for channel in config.channel):
        return Checked(problems)
    encoded = canonical(config, board)
    told = {problem.where for problem in problems}
    problems += (p for p in _of_format(encoded, lines) if p.where not in told)
    return Checked(problems) if problems else Checked([], encoded, board)


def _pins(config: model.Config, board: Board, lines: Lines) -> Iterator[Problem]:
    taken: dict[str, int] = {}
    for i, channel in enumerate(config.channel):
        where = lines.where(("channel", i, "pin"))
        wanted = model.PIN_FUNCTIONS[channel.sensor]
        fitting = [n for n, p in board.pins.items() if p.function in wanted]
        hint = f"Pins of {board.name} for {channel.sensor}: {', '.join(fitting) or 'none'}."
        pin = board.pin(channel.pin)
        if pin is None:
            yield Problem(where, f"Board {board.name} has no pin {channel.pin!r}.", hint)
        elif pin.function not in wanted:
            yield Problem(
                where, f"Pin {channel.pin} is for {pin.function}, not for {channel.sensor}.", hint
            )
        elif channel.pin in taken:
            first = config.channel[taken[channel.pin]].name
            yield Problem(where, f"Pin {channel.pin} is already used by channel {first}.", hint)
        taken.setdefault(channel.pin, i)
    pulses = [i for i, c in enumerate(config.channel) if c.sensor == "pulse"]
    for i in pulses[board.counter_units :]:
        yield Problem(
            lines.where(("channel", i, "sensor")),
            f"Board {board.name} counts {board.counter_units} pulse inputs in hardware, not more.",
            "Remove this channel, or use a board with more counters.",
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
        else:
            place = (_IN_FILE.get(where, where),)
        yield Problem(lines.where(place), f"The node's form of this value {what}.", _RANGE_HINT)


_RANGE_HINT = "Choose a value within the range; with fewer `decimals` larger values fit."


def _of_pydantic(error: Any, document: dict[str, Any], lines: Lines) -> Problem:
    # Pydantic names the sensor kind between a channel's index and its key.
    kept = [part for i, part in enumerate(error["loc"]) if not (i == 2 and part in _KINDS)]
    place: Place = tuple(kept[:3])
    key = str(place[-1]) if place else ""
    where = lines.where(place)
    match error["type"]:
        case "extra_forbidden":
            close = difflib.get_close_matches(key, _known(place, document), 1)
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


def _known(place: Place, document: dict[str, Any]) -> list[str]:
    if len(place) < 3:
        return list(model.Config.model_fields)
    channels = document.get("channel")
    index = place[1]
    if isinstance(channels, list) and isinstance(index, int) and index < len(channels):
        kind = _KINDS.get(str(channels[index].get("sensor")))
        return list(kind.model_fields) if kind else []
    return []
