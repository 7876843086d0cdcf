# SPDX-License-Identifier: MIT
"""The list of nodes that `tirta provision` works through: a CSV file, checked as a whole.

A row is one node: `name`, `port` (or `serial_number` of its USB bridge), `board`, `district`,
`latitude`, `longitude`, `config` (a file beside the list), `key` (a fleet's name; empty: the one
in use).
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serial.tools.list_ports import comports

from tirta import boards, config, numbers
from tirta.boards import Board
from tirta.errors import TirtaError

COLUMNS = (
    "name", "port", "serial_number", "board", "district", "latitude", "longitude", "config", "key",
)  # fmt: skip
_NEEDED = ("name", "board")


@dataclass(frozen=True)
class Row:
    """One line of the list, checked before any board is touched. `line` is its number there."""

    line: int
    name: str
    port: str
    board: Board
    identity: dict[str, Any]
    config: bytes | None
    key: str


def read(path: Path) -> list[Row]:
    """The rows of a list. Raises TirtaError with everything that is wrong."""
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
        try:
            row = _row(path.parent, line, _named(cells))
            _must_be_new(row, seen)
            rows.append(row)
        except TirtaError as error:
            wrong.append(f"line {line}: {error.what}")
    if wrong or not rows:
        told = "\n".join(wrong) or "it has no rows."
        raise TirtaError(f"The list {path} cannot be used.\n{told}", "Nothing was written.")
    return rows


def _named(cells: dict[Any, Any]) -> dict[str, str]:
    """Text of each cell. Raises TirtaError where a separator too many has moved those behind it."""
    if None in cells:
        raise TirtaError("it has more cells than the first line: put text with a comma in quotes.")
    return {name: (text or "").strip() for name, text in cells.items()}


def _row(folder: Path, line: int, cells: dict[str, str]) -> Row:
    name = cells.get("name", "")
    if not name:
        raise TirtaError("name is empty.")
    board = boards.load(cells["board"])
    text = None
    if cells.get("config"):
        text, meant = config.load(folder / cells["config"])
        if meant.name != board.name:
            raise TirtaError(f"the config is for board {meant.name}, not for {board.name}.")
    identity: dict[str, Any] = {"name": name}
    if cells.get("district"):
        identity["district"] = cells["district"]
    for key, most in (("latitude", 90), ("longitude", 180)):
        if cells.get(key):
            identity[key] = _degrees(key, cells[key], most)
    return Row(line, name, _port(cells), board, identity, text, cells.get("key", ""))


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


def _must_be_new(row: Row, seen: dict[str, int]) -> None:
    for mark in (f"name {row.name}", f"port {row.port}"):
        if mark in seen:
            raise TirtaError(f"{mark} is already in line {seen[mark]}.")
        seen[mark] = row.line
