# SPDX-License-Identifier: MIT
"""The query options of SensorThings 1.1 (OGC 18-088, section 9.3), also within $expand."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

TOP, MOST = 100, 1000  # entities in an answer, unless asked otherwise, and at most
_NAMES = {"$filter", "$count", "$orderby", "$skip", "$top", "$expand", "$select"}
_MOST_DEPTH = 5
_PATH = re.compile(r"[@A-Za-z_][\w.]*(?:/[@A-Za-z_][\w.]*)*")


class QueryError(Exception):
    """A request asks for what makes no sense."""


@dataclass(frozen=True)
class QueryOptions:
    """What is wanted of a set of entities: `order` has (path, descending), `expand` the options of
    each that is to be written in full.
    """

    filter: str = ""
    count: bool = False
    order: tuple[tuple[str, bool], ...] = ()
    skip: int = 0
    top: int = TOP
    select: tuple[str, ...] = ()
    expand: tuple[tuple[str, "QueryOptions"], ...] = ()


def read(pairs: Iterable[tuple[str, str]], depth: int = 0) -> QueryOptions:
    """Read options. Raises QueryError with what is wrong."""
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in _NAMES:
            raise QueryError(f"there is no option {name}")
        if name in given:
            raise QueryError(f"{name} is given twice")
        given[name] = value
    count = given.get("$count", "false")
    if count not in {"true", "false"}:
        raise QueryError("$count is true or false")
    return QueryOptions(
        given.get("$filter", ""),
        count == "true",
        tuple(_order(part) for part in _parts(given.get("$orderby", ""), ",")),
        _whole("$skip", given.get("$skip", "0")),
        min(MOST, _whole("$top", given.get("$top", str(TOP)))),
        tuple(_path("$select", part) for part in _parts(given.get("$select", ""), ",")),
        tuple(_expanded(part, depth) for part in _parts(given.get("$expand", ""), ",")),
    )


def _expanded(text: str, depth: int) -> tuple[str, QueryOptions]:
    """`Datastreams($top=1;$expand=Sensor)`, or `Datastreams/Sensor`, which is the same."""
    if depth >= _MOST_DEPTH:
        raise QueryError("$expand is nested too deeply")
    name, opened, rest = text.partition("(")
    first, slash, more = name.strip().partition("/")
    if slash:
        return _path("$expand", first), QueryOptions(
            expand=(_expanded(f"{more}{opened}{rest}", depth + 1),)
        )
    inner = rest.removesuffix(")")
    if bool(opened) != rest.endswith(")"):
        raise QueryError("$expand has a bracket too many, or too few")
    pairs = []
    for part in _parts(inner, ";"):
        option, is_there, value = part.partition("=")
        if not is_there:
            raise QueryError(f"$expand has no place for {part!r}")
        pairs.append((option.strip(), value))
    return _path("$expand", first), read(pairs, depth + 1)


def _parts(text: str, sign: str) -> list[str]:
    """Split at a sign that stands in no brackets and no text."""
    found, depth, quoted, start = [], 0, False, 0
    for at, letter in enumerate(text):
        if letter == "'":
            quoted = not quoted
        elif not quoted:
            depth += (letter == "(") - (letter == ")")
            if letter == sign and depth == 0:
                found.append(text[start:at])
                start = at + 1
    if depth or quoted:
        raise QueryError("a bracket or a quote is not closed")
    found.append(text[start:])
    if found == [""]:
        return []
    if not all(part.strip() for part in found):
        raise QueryError(f"nothing stands before or after a {sign!r}")
    return [part.strip() for part in found]


def _order(text: str) -> tuple[str, bool]:
    name, _, way = text.partition(" ")
    if way.strip().lower() not in {"", "asc", "desc"}:
        raise QueryError("$orderby is by names, each with asc or desc or neither")
    return _path("$orderby", name), way.strip().lower() == "desc"


def _path(option: str, text: str) -> str:
    if not _PATH.fullmatch(text.strip()):
        raise QueryError(f"{option} has no place for {text!r}")
    return text.strip()


def _whole(name: str, text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise QueryError(f"{name} is a whole number, 0 or more")
    return int(text)
