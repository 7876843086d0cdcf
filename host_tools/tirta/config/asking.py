# SPDX-License-Identifier: MIT
"""A new config file, made from a board's pins and the sensor kinds: by questions, or from words.

The kinds and their keys are those of `document`: a new kind there is asked for here.
"""

import json
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from tirta.boards import Board
from tirta.config.document import PIN_FUNCTIONS, Channel
from tirta.errors import TirtaError

Ask = Callable[[str], str]

KINDS: dict[str, type[BaseModel]] = {
    name: kind
    for kind in get_args(get_args(Channel)[0])
    for name in get_args(kind.model_fields["sensor"].annotation)
}
_HEAD = "# Check it: tirta config check FILE. Every key: tirta config schema.\n"
_ASKED_ELSEWHERE = {"name", "sensor", "pin"}


def from_words(board: Board, name: str, interval_s: float, channels: Iterable[str]) -> str:
    """A config file. A channel is told in words: NAME SENSOR [PIN] KEY=VALUE …"""
    return _file(board, name, interval_s, [_channel_of(words.split()) for words in channels])


def from_questions(board: Board, ask: Ask) -> str:
    """A config file from a person's answers: pin by pin, only what fits there."""
    name = ask("Name of the node, shown by tirta status: ")
    interval = ask("Seconds between two records [60]: ") or "60"
    channels = [found for pin in board.pins if (found := _ask_pin(board, pin, ask))]
    without_pin = [kind for kind in KINDS if kind not in PIN_FUNCTIONS]
    while kind := ask(f"A sensor on a bus or of the board: {', '.join(without_pin)}? [no more]: "):
        if kind not in without_pin:
            raise TirtaError(f"There is no {kind!r}.", f"Choose: {', '.join(without_pin)}.")
        channels.append(_ask_channel(kind, {}, ask))
    if not channels:
        raise TirtaError("No sensor was chosen.", "A node needs one channel at least.")
    return _file(board, name, float(interval), channels)


def _ask_pin(board: Board, pin: str, ask: Ask) -> dict[str, str]:
    fitting = [
        kind for kind, functions in PIN_FUNCTIONS.items()
        if board.pins[pin].function in functions and kind in KINDS
    ]  # fmt: skip
    if not fitting:
        return {}
    kind = ask(f"Pin {pin}: {' or '.join(fitting)}? [nothing there]: ")
    if not kind:
        return {}
    if kind not in fitting:
        raise TirtaError(f"{kind!r} does not fit pin {pin}.", f"Choose: {', '.join(fitting)}.")
    return _ask_channel(kind, {"pin": _text(pin)}, ask)


def _ask_channel(kind: str, known: dict[str, str], ask: Ask) -> dict[str, str]:
    found = {"name": _text(ask("  Name of the channel: ")), "sensor": _text(kind), **known}
    for key in _needed(kind):
        found[key] = _value(ask(f"  {key}: "))
    return found


def _needed(kind: str) -> Iterator[str]:
    for key, field in KINDS[kind].model_fields.items():
        if field.is_required() and key not in _ASKED_ELSEWHERE:
            yield field.alias or key


def _channel_of(words: Sequence[str]) -> dict[str, str]:
    head = [word for word in words if "=" not in word]
    if not 2 <= len(head) <= 3 or list(words[: len(head)]) != head or head[1] not in KINDS:
        raise TirtaError(
            f"{' '.join(words)!r} is not a channel.",
            'Write it so: --channel "p_inlet 4-20mA analog_1 unit=m at_4ma=0 at_20ma=160".'
            f" Sensors: {', '.join(KINDS)}.",
        )
    found = dict(zip(("name", "sensor", "pin"), map(_text, head), strict=False))
    for word in words[len(head) :]:
        key, _, value = word.partition("=")
        found[key] = _value(value)
    return found


def _file(board: Board, name: str, interval_s: float, channels: Sequence[dict[str, str]]) -> str:
    out = [
        _HEAD + f"board = {_text(board.name)}",
        f"name = {_text(name)}",
        f"interval_s = {interval_s:g}",
    ]
    for channel in channels:
        out += ["", "[[channel]]", *(f"{key} = {value}" for key, value in channel.items())]
        pin = board.pins.get(json.loads(channel.get("pin", '""')))
        if pin is not None:
            out[-len(channel) - 1] += f"  # GPIO {pin.gpio}: {pin.reason}"
    return "\n".join(out) + "\n"


def _value(text: str) -> str:
    """What a person wrote as a TOML value: a number or a list as it is, anything else as a text."""
    try:
        tomllib.loads(f"x = {text}")
    except tomllib.TOMLDecodeError:
        return _text(text)
    return text


def _text(text: Any) -> str:
    return json.dumps(text, ensure_ascii=False)  # a TOML basic string is written like a JSON one
