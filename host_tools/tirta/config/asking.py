# SPDX-License-Identifier: MIT
"""A new config file, made from a board's pins and the sensor kinds: by questions, or from words.

The kinds and their keys are those of `document`: a new kind there is asked for here.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from tirta.boards.model import Board
from tirta.config.document import PIN_FUNCTIONS, Channel
from tirta.config.model import NAME
from tirta.errors import TirtaError
from tirta.text import numbers

Ask = Callable[[str], str]
Tell = Callable[[str], None]
Answer = TypeVar("Answer")
MOST_NAME = 32
MOST_CHANNEL = 16
LEAST_S, MOST_S = 0.01, 86_400

KINDS: dict[str, type[BaseModel]] = {
    name: kind
    for kind in get_args(get_args(Channel)[0])
    for name in get_args(kind.model_fields["sensor"].annotation)
}
_HEAD = "# Check it: tirta config check FILE. Every key: tirta config schema.\n"
_ASKED_ELSEWHERE = {"name", "sensor", "pin"}


def from_words(board: Board, name: str, interval_s: float, channels: Iterable[str]) -> str:
    """Write a config file. A channel is told in words: NAME SENSOR [PIN] KEY=VALUE …"""
    return _file(board, name, interval_s, [_channel_of(words.split()) for words in channels])


def from_questions(board: Board, ask: Ask, tell: Tell) -> str:
    """Write a config file from a person's answers: pin by pin, only what fits there.

    `tell` says what is wrong with an answer, and the question comes again: a wrong word must not
    cost the answers before it.
    """
    again = _Again(ask, tell)
    name = again.until("Name of the node, shown by tirta status: ", _node_name)
    interval = again.until("Seconds between two records [60]: ", _interval)
    names: list[str] = []
    channels = [found for pin in board.pins if (found := _ask_pin(board, pin, again, names))]
    free = [kind for kind in KINDS if kind not in PIN_FUNCTIONS]
    question = f"A sensor on a bus or of the board: {', '.join(free)}? [no more]: "
    while True:
        if kind := again.until(question, lambda text: _one_of(text, free)):
            channels.append(_ask_channel(kind, {}, again, names))
        elif channels:
            return _file(board, name, interval, channels)
        else:
            tell("No sensor was chosen, and a node needs one at least.")


class _Again:
    """Asks until the answer can be used."""

    def __init__(self, ask: Ask, tell: Tell) -> None:
        self._ask = ask
        self._tell = tell

    def until(self, question: str, check: Callable[[str], Answer]) -> Answer:
        """Ask until `check` takes the answer, and return what that makes of it; it raises
        ValueError with what is wrong.
        """
        while True:
            try:
                return check(self._ask(question).strip())
            except ValueError as error:
                self._tell(f"{error}.")


def _node_name(text: str) -> str:
    if len(text) > MOST_NAME:
        raise ValueError(f"{len(text)} characters are too many, {MOST_NAME} at most")
    return text


def _interval(text: str) -> float:
    seconds = numbers.number(text or "60")
    if not LEAST_S <= seconds <= MOST_S:
        raise ValueError(f"{text} is not from {LEAST_S:g} to {MOST_S:g} seconds")
    return seconds


def _one_of(text: str, choices: Sequence[str]) -> str:
    """One of the choices, however it is capitalised, or nothing."""
    alike = {choice.lower(): choice for choice in choices}
    if text and text.lower() not in alike:
        close = difflib.get_close_matches(text.lower(), alike, 1)
        meant = f"; did you mean {alike[close[0]]}?" if close else ""
        raise ValueError(f"{text!r} is none of {', '.join(choices)}{meant}")
    return alike.get(text.lower(), "")


def _channel_name(text: str, names: Sequence[str]) -> str:
    if len(text) > MOST_CHANNEL or not re.fullmatch(NAME, text):
        raise ValueError(
            f"{text!r} is no name of a channel: small letters, digits and _, a letter first,"
            " 16 characters at most"
        )
    if text in names:
        raise ValueError(f"there is a channel {text} already")
    return text


def _ask_pin(board: Board, pin: str, again: "_Again", names: list[str]) -> dict[str, str]:
    fitting = [
        kind for kind, functions in PIN_FUNCTIONS.items()
        if board.pins[pin].function in functions and kind in KINDS
    ]  # fmt: skip
    if not fitting:
        return {}
    question = f"Pin {pin}: {' or '.join(fitting)}? [nothing there]: "
    kind = again.until(question, lambda text: _one_of(text, fitting))
    return _ask_channel(kind, {"pin": _text(pin)}, again, names) if kind else {}


def _ask_channel(
    kind: str, known: dict[str, str], again: "_Again", names: list[str]
) -> dict[str, str]:
    names.append(again.until("  Name of the channel: ", lambda text: _channel_name(text, names)))
    found = {"name": _text(names[-1]), "sensor": _text(kind), **known}
    for key in _needed(kind):
        found[key] = again.until(f"  {key}: ", partial(_answer, kind, key))
    return found


def _answer(kind: str, key: str, text: str) -> str:
    """The answer as TOML, where the kind takes it for this key."""
    value = _value(text)
    model = KINDS[kind]
    try:
        model.model_validate({key: tomllib.loads(f"x = {value}")["x"]})
    except ValidationError as error:
        for one in error.errors():
            if one["loc"][:1] == (key,):
                said = str(one["msg"])
                raise ValueError(f"{text!r}: {said[0].lower()}{said[1:]}") from None
    return value


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
        try:
            found[key] = _value(value)
        except ValueError as error:
            raise TirtaError(f"{word} of channel {head[0]}: {error}.", "Write it so.") from error
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
    """What a person wrote as a TOML value: a number or a list as it is, anything else as a text.
    Raises ValueError where a comma may mean two numbers.
    """
    text = numbers.with_point(text)
    try:
        tomllib.loads(f"x = {text}")
    except tomllib.TOMLDecodeError:
        return _text(text)
    return text


def _text(text: Any) -> str:
    return json.dumps(text, ensure_ascii=False)  # a TOML basic string is written like a JSON one
