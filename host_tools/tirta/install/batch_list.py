# SPDX-License-Identifier: MIT
"""The list of nodes that `tirta provision` works through: a CSV file, checked as a whole.

A row is one node: `name`, `port` (or `serial_number` of its USB bridge), `board`, `district`,
`latitude`, `longitude`, `config` (a file beside the list), `key` (a fleet's name; empty: the one
in use).
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from serial.tools.list_ports import comports

from tirta import config
from tirta.boards import board_file
from tirta.boards.model import Board
from tirta.errors import TirtaError
from tirta.text import numbers

COLUMNS = (
    "name", "port", "serial_number", "board", "district", "latitude", "longitude", "config", "key",
)  # fmt: skip
_NEEDED = ("name", "board")
Found = TypeVar("Found")


@dataclass(frozen=True)
class BoardRow:
    """One line of the list, checked before any board is touched. `line` is its number there."""

    line: int
    name: str
    port: str
    board: Board
    identity: dict[str, Any]
    config: bytes | None
    key: str
    secrets: bytes = b""  # passwords of its uplink


def read(path: Path) -> list[BoardRow]:
    """Read the rows of a list. Raises TirtaError with everything that is wrong."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            head = file.readline()
            file.seek(0)
            # A spreadsheet in Indonesian separates by semicolons.
            reader = csv.DictReader(file, delimiter=";" if ";" in head else ",")
            unknown = set(reader.fieldnames or ()) - set(COLUMNS)
            if unknown or not set(_NEEDED) <= set(reader.fieldnames or ()):
                raise TirtaError(
                    f"The columns of {path} are not right: {', '.join(sorted(unknown)) or 'few'}.",
                    f"Columns are {', '.join(COLUMNS)}; {' and '.join(_NEEDED)} must be there.",
                )
            lines = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise TirtaError(
            f"Cannot read the list {path}: {why}.", "Check the path; save the list as CSV in UTF-8."
        ) from error
    rows, wrong = [], []
    seen: dict[str, int] = {}
    for line, cells in lines:
        row, mistakes = _row(path.parent, line, cells)
        if row is not None:
            mistakes += _not_new(row, seen)
            rows.append(row)
        wrong += [f"line {line}: {what}" for what in mistakes]
    if wrong or not rows:
        told = "\n".join(wrong) or "it has no rows."
        raise TirtaError(f"The list {path} cannot be used.\n{told}", "Nothing was written.")
    return rows


def _row(folder: Path, line: int, given: dict[Any, Any]) -> tuple[BoardRow | None, list[str]]:
    """The row, where it can be used, and everything that is wrong with it."""
    if None in given:  # a separator too many has moved what is behind it: nothing can be said
        return None, ["it has more cells than the first line: put text with a comma in quotes."]
    cells = {name: (text or "").strip() for name, text in given.items()}
    wrong: list[str] = []
    name = cells.get("name", "")
    if not name:
        wrong.append("name is empty.")
    board = _kept(wrong, lambda: board_file.load(cells["board"]))
    text, hidden = None, b""
    if cells.get("config"):
        path = folder / cells["config"]
        found = _kept(wrong, lambda: config.load(path))
        if found and board and found[1].name != board.name:
            wrong.append(f"the config is for board {found[1].name}, not for {board.name}.")
        if found:
            text, hidden = found[0], config.secrets(path)
    identity: dict[str, Any] = {"name": name}
    if cells.get("district"):
        identity["district"] = cells["district"]
    for key, most in (("latitude", 90), ("longitude", 180)):
        if cells.get(key):
            identity[key] = _kept(wrong, partial(_degrees, key, cells[key], most))
    port = _kept(wrong, lambda: _port(cells))
    if wrong or board is None or port is None:
        return None, wrong
    return BoardRow(line, name, port, board, identity, text, cells.get("key", ""), hidden), []


def _kept(wrong: list[str], work: Callable[[], Found]) -> Found | None:
    """What `work` finds; its error goes to the others of the row."""
    try:
        return work()
    except TirtaError as error:
        wrong.append(error.what)
        return None


def _degrees(key: str, text: str, most: int) -> float:
    try:
        value = numbers.number(text)
    except ValueError:
        value = float("nan")
    if not -most <= value <= most:
        raise TirtaError(f"{key} is {text!r}, not a number from -{most} to {most}.")
    return value


def _port(cells: dict[str, str]) -> str:
    if cells.get("port"):
        return cells["port"]
    number = cells.get("serial_number", "")
    found = [p.device for p in comports() if number and p.serial_number == number]
    if len(found) != 1:
        raise TirtaError(f"no port, and {len(found)} USB ports with serial number {number!r}.")
    return str(found[0])


def _not_new(row: BoardRow, seen: dict[str, int]) -> list[str]:
    """Which of its marks another row has already."""
    wrong = []
    for mark in (f"name {row.name}", f"port {row.port}"):
        if mark in seen:
            wrong.append(f"{mark} is already in line {seen[mark]}.")
        seen.setdefault(mark, row.line)
    return wrong
