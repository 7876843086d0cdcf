# SPDX-License-Identifier: MIT
"""From the canonical form back to a config file: what `tirta config get` prints.

`check` of the result gives the same canonical text again, so what is printed is what the node does.
"""

import json
from collections.abc import Iterator
from typing import Any

from tirta import boards
from tirta.boards import Board
from tirta.errors import TirtaError
from tirta_format import config as format_config


def to_toml(text: bytes) -> str:
    """A config file for a canonical text from a node."""
    try:
        config = format_config.parse(text)
    except ValueError as error:
        raise TirtaError(
            f"The node's config cannot be read: {error}.", "Apply a config: `tirta config apply`."
        ) from error
    board = boards.load(config["board"])
    out = [
        f"version = {config['version']}",
        f"board = {_text(config['board'])}",
        f"name = {_text(config['name'])}",
        f"interval_s = {_number(config['interval_ms'], 1000)}",
        f"commit_seconds = {_number(config['commit_ms'], 1000)}",
        f"visit_s = {config['visit_s']}",
    ]
    for channel in config["channels"]:
        out += ["", "[[channel]]", *(f"{key} = {value}" for key, value in _channel(channel, board))]
    return "\n".join(out) + "\n"


def _channel(channel: dict[str, Any], board: Board) -> Iterator[tuple[str, str]]:
    scale = channel["scale"]
    kind = channel["sensor"]
    yield "name", _text(channel["name"])
    yield "sensor", _text("4-20mA" if kind == "current" else kind)
    yield "pin", _text(_pin_name(channel["pin"], board))
    if kind == "pulse":
        yield "litres_per_pulse", _number(channel["ml"], 1000)
        yield "filter_us", _number(channel["filter_ns"], 1000)
        return
    yield "unit", _text(channel["unit"])
    yield "decimals", str(len(str(scale)) - 1)
    if kind == "current":
        yield "at_4ma", _number(channel["low"], scale)
        yield "at_20ma", _number(channel["high"], scale)
        yield "shunt_ohm", _number(channel["shunt_mohm"], 1000)
    elif kind == "voltage":
        points = (
            f"[{_number(channel['uv' + i], 1_000_000)}, {_number(channel['value' + i], scale)}]"
            for i in "01"
        )
        yield "points", f"[{', '.join(points)}]"


def _pin_name(gpio: int, board: Board) -> str:
    for name, pin in board.pins.items():
        if pin.gpio == gpio:
            return name
    raise TirtaError(
        f"The node's config uses GPIO {gpio}, which board {board.name} does not name.",
        "Read it with --json instead.",
    )


def _number(value: int, scale: int) -> str:
    whole, rest = divmod(value, scale)
    return str(whole) if rest == 0 else repr(value / scale)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a TOML basic string is written like a JSON one
