# SPDX-License-Identifier: MIT
"""$filter of SensorThings 1.1 (OGC 18-088, section 9.3.3.5): text to a function of an entity.

All operators there are, and the functions of `FUNCTIONS`; those of geography and of time zones are
not. A comparison with what an entity does not have is false.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tirta.fleet.sta_options import QueryError

_Value = Callable[[Any], Any]  # of an entity, which a `Lookup` reads
Lookup = Callable[[Any, str], Any]
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')"
    r"|(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))"
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<word>[@A-Za-z_][\w.]*(?:/[@A-Za-z_][\w.]*)*)"
    r"|(?P<sign>[(),]))"
)
_LEVELS: tuple[Mapping[str, Callable[[Any, Any], Any]], ...] = (
    {"or": lambda a, b: bool(a) or bool(b)},
    {"and": lambda a, b: bool(a) and bool(b)},
    {"eq": operator.eq, "ne": operator.ne, "gt": operator.gt, "ge": operator.ge,
     "lt": operator.lt, "le": operator.le},
    {"add": operator.add, "sub": operator.sub},
    {"mul": operator.mul, "div": operator.truediv, "mod": math.fmod},
)  # fmt: skip
FUNCTIONS: Mapping[str, tuple[int, Callable[..., Any]]] = {
    "substringof": (2, lambda part, text: part in text),
    "startswith": (2, str.startswith), "endswith": (2, str.endswith),
    "length": (1, len), "indexof": (2, str.find), "concat": (2, operator.add),
    "tolower": (1, str.lower), "toupper": (1, str.upper), "trim": (1, str.strip),
    "substring": (2, lambda text, at: text[int(at):]),
    "year": (1, lambda t: t.year), "month": (1, lambda t: t.month), "day": (1, lambda t: t.day),
    "hour": (1, lambda t: t.hour), "minute": (1, lambda t: t.minute),
    "second": (1, lambda t: t.second), "date": (1, lambda t: t.strftime("%Y-%m-%d")),
    "round": (1, lambda x: math.copysign(math.floor(abs(x) + 0.5), x)),
    "floor": (1, math.floor), "ceiling": (1, math.ceil),
}  # fmt: skip
_MOST_LETTERS = 2000
_MOST_DEPTH = 40


@dataclass(frozen=True)
class Filter:
    """`accepts` says whether an entity is wanted; with the times that any such one lies within."""

    accepts: Callable[[Any], bool]
    since: datetime | None = None
    until: datetime | None = None


class _Parser:
    """Reads one expression; `lookup` gives the value that a path names of an entity."""

    def __init__(self, text: str, lookup: Lookup) -> None:
        if len(text) > _MOST_LETTERS:
            raise QueryError("$filter is too long")
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if not found or not found.lastgroup:
                raise QueryError(f"$filter cannot be read from {text[at : at + 20]!r} on")
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        self._lookup = lookup
        self._at = self._depth = 0

    def whole(self) -> _Value:
        found = self._level(0)
        if self._at < len(self._tokens):
            raise QueryError(f"$filter has no place for {self._tokens[self._at][1]!r}")
        return found

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise QueryError("$filter ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _is(self, text: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at] in {
            ("word", text), ("sign", text),
        }  # fmt: skip

    def _must(self, sign: str) -> None:
        if self._next() != ("sign", sign):
            raise QueryError(f"$filter lacks a {sign!r}")

    def _level(self, level: int) -> _Value:
        self._depth += 1
        if self._depth > _MOST_DEPTH * len(_LEVELS):
            raise QueryError("$filter is nested too deeply")
        if level == len(_LEVELS):
            found = self._primary()
        else:
            found = self._level(level + 1)
            while word := next((w for w in _LEVELS[level] if self._is(w)), None):
                self._at += 1
                found = _binary(word, _LEVELS[level][word], found, self._level(level + 1))
        self._depth -= 1
        return found

    def _primary(self) -> _Value:
        kind, text = self._next()
        if kind == "sign":
            if text != "(":
                raise QueryError(f"$filter has no place for {text!r}")
            found = self._level(0)
            self._must(")")
            return found
        if kind == "word":
            if text == "not":
                inner = self._level(2)
                return lambda entity: not inner(entity)
            if self._is("("):
                return self._call(text)
            if text not in {"true", "false", "null"}:
                lookup = self._lookup
                return lambda entity: lookup(entity, text)
        value = _literal(kind, text)
        return lambda _: value

    def _call(self, name: str) -> _Value:
        if name not in FUNCTIONS:
            raise NotImplementedError(f"there is no function {name} here")
        count, function = FUNCTIONS[name]
        self._must("(")
        arguments = [self._level(0)]
        while self._is(","):
            self._at += 1
            arguments.append(self._level(0))
        self._must(")")
        if len(arguments) != count:
            raise QueryError(f"{name} takes {count} values")

        def called(entity: Any) -> Any:
            values = [argument(entity) for argument in arguments]
            try:
                return None if None in values else function(*values)
            except (AttributeError, TypeError, ValueError, OverflowError):
                return None

        return called


def _binary(word: str, do: Callable[[Any, Any], Any], left: _Value, right: _Value) -> _Value:
    if word in {"and", "or"}:
        is_and = word == "and"
        return lambda e: (left(e) and right(e)) if is_and else (left(e) or right(e))

    def done(entity: Any) -> Any:
        a, b = left(entity), right(entity)
        if (a is None or b is None) and word not in {"eq", "ne"}:
            return None
        try:
            return do(a, b)
        except (TypeError, ZeroDivisionError, ValueError, OverflowError):
            return None

    return done


def _literal(kind: str, text: str) -> Any:
    if kind == "text":
        return text[1:-1].replace("''", "'")
    if kind == "time":
        try:
            return moment(text)
        except ValueError as error:
            raise QueryError(f"{text} is no time") from error
    if kind == "number":
        return float(text) if re.search("[.eE]", text) else int(text)
    return {"true": True, "false": False, "null": None}[text]


def moment(text: str) -> datetime:
    """Read a time in ISO 8601 with its zone, as UTC. Raises ValueError."""
    return datetime.fromisoformat(text).astimezone(UTC)


_BOUND = re.compile(r"(?:phenomenonTime|resultTime) (gt|ge|lt|le|eq) (\S+)")


def parse(text: str, lookup: Lookup) -> Filter:
    """Parse $filter. Raises QueryError, or NotImplementedError for a function that is not here."""
    wanted = _Parser(text, lookup).whole()
    since, until = _bounds(text)
    return Filter(lambda entity: wanted(entity) is True, since, until)


def _bounds(text: str) -> tuple[datetime | None, datetime | None]:
    """The times that parts which must all hold leave open; where `or` or `not` stand, any."""
    since: datetime | None = None
    until: datetime | None = None
    plain = re.sub(r"'(?:[^']|'')*'", "''", text)
    if re.search(r"\b(?:or|not)\b", plain):
        return since, until
    for part in re.split(r"\band\b", plain):
        found = _BOUND.fullmatch(part.strip(" ()"))
        if not found:
            continue
        try:
            at = moment(found[2])
        except ValueError:
            continue
        if found[1] in {"gt", "ge", "eq"}:
            since = max(since or at, at)
        if found[1] in {"lt", "le", "eq"}:
            until = min(until or at, at)
    return since, until
