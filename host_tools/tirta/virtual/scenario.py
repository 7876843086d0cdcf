# SPDX-License-Identifier: MIT
"""Scenarios: a CSV of what happens to a node's sensors, one row per minute, made ready for the
board.

Each column is a channel (tirta.virtual.channels). A file `NAME.toml` beside `NAME.csv` says which
sensor each is, as SCENARIO.md tells; without one the columns of our own generator are known.
"""

import csv
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tirta.boards.model import Board
from tirta.errors import TirtaError
from tirta.files import toml_file
from tirta.virtual.channels import FittedChannel

MAGIC = 0x324E_4353_5456
HEADER = struct.Struct("<5q")  # magic, rows, channels, row length, tail (in microseconds)
CHANNEL = struct.Struct("<3q")  # kind, GPIO, code: as Channel.describe has them


class Mapping(BaseModel):
    """How the columns of a scenario become channels of a board."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    row_s: Annotated[int, Field(gt=0)] = 60
    tail_s: Annotated[float, Field(ge=0)] = 5.0
    channels: dict[str, FittedChannel]


def _loop(pin: str, low: float, high: float) -> FittedChannel:
    return FittedChannel(kind="4-20ma", pin=pin, low=low, high=high)


DEFAULT = Mapping(
    channels={
        "pulses": FittedChannel(kind="pulses", pin="flow"),
        "p_inlet_m": _loop("analog_1", 0.0, 160.0),
        "p_critical_m": _loop("analog_2", 0.0, 160.0),
        "ph": _loop("analog_3", 0.0, 14.0),
        "turbidity_ntu": _loop("analog_4", 0.0, 10.0),
        "conductivity_us_cm": _loop("analog_5", 0.0, 1000.0),
        "chlorine_mg_l": _loop("analog_6", 0.0, 2.0),
        "temperature_c": FittedChannel(kind="ds18b20", pin="onewire"),
        "battery_v": FittedChannel(kind="battery", pin="battery"),
    }
)


def prepare(csv_path: Path, board: Board, mapping: Mapping | None = None) -> bytes:
    """Write the board's form of a scenario: a header, the channels, and one record more than there
    are rows.
    """
    mapping = mapping or _mapping_of(csv_path)
    columns, rows = _read(csv_path)
    used = {name: channel for name, channel in mapping.channels.items() if name in columns}
    if mapping is not DEFAULT and (absent := sorted(set(mapping.channels) - set(used))):
        raise TirtaError(
            f"{csv_path} has no column {absent[0]!r}.", f"It has: {', '.join(columns)}."
        )
    if not used:
        raise TirtaError(
            f"No column of {csv_path} is known.",
            f"Write {csv_path.with_suffix('.toml')} that says which column goes to which pin.",
        )
    head = HEADER.pack(
        MAGIC, len(rows), len(used), mapping.row_s * 1_000_000, int(mapping.tail_s * 1_000_000)
    )
    described = b"".join(CHANNEL.pack(*c.describe(board)) for c in used.values())
    series = [
        list(_series(csv_path, name, columns.index(name), channel, rows, board))
        for name, channel in used.items()
    ]
    record = struct.Struct(f"<{len(used)}q")
    return head + described + b"".join(record.pack(*values) for values in zip(*series, strict=True))


def _mapping_of(csv_path: Path) -> Mapping:
    sidecar = csv_path.with_suffix(".toml")
    if not sidecar.exists():
        return DEFAULT
    try:
        return Mapping.model_validate(toml_file.load(sidecar))
    except OSError as error:
        raise TirtaError(
            f"Cannot read {sidecar}: {error.strerror}.", "Check its rights."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise TirtaError(f"{sidecar}: {where}: {first['msg']}", "Correct it.") from error


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.reader(file)
            columns = [name.strip() for name in next(lines, [])]
            rows = [line for line in lines if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TirtaError(
            f"Cannot read the scenario {path}: {error}.", "It must be a CSV file."
        ) from error
    if not rows:
        raise TirtaError(f"The scenario {path} has no rows.", "Give a CSV with one row per minute.")
    return columns, rows


def _series(
    path: Path, name: str, column: int, channel: FittedChannel, rows: list[list[str]], board: Board
) -> Iterable[int]:
    """One value per record. A row without a value keeps the last one (no pulses, for a counter)."""
    value = 0
    total = 0
    for number, row in enumerate(rows, start=2):
        text = row[column].strip() if column < len(row) else ""
        known = text.lower() not in {"", "na", "nan"}
        try:
            if channel.kind == "pulses":
                yield total
                total += _whole_pulses(float(text) if known else 0.0)
                continue
            value = channel.at_pin(text, board) if known else value
        except ValueError as error:
            raise TirtaError(
                f"{path}, line {number}: {text!r} is not a value for {name}.", "Correct the file."
            ) from error
        yield value
    yield total if channel.kind == "pulses" else value


def _whole_pulses(reading: float) -> int:
    if reading < 0 or reading != int(reading):
        raise ValueError("not a number of pulses")
    return int(reading)
