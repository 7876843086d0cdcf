# SPDX-License-Identifier: MIT
"""From raw counts to values: the config's scale, then what a calibration found.

A *calibration* holds for one channel from one time on: value = c0 + c1 x + c2 x² + …, x being the
count over the channel's scale. What a laboratory finds later than the node knew goes into
ARCHIVE/NODE/calibrations.csv; the next landing works it into every month that it is about. Counts
are never changed, so that any of it can be taken back.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tirta.errors import TirtaError
from tirta.water.columns import Column

FILE = "calibrations.csv"
COLUMNS = ("channel", "from_utc", "coefficients")
# What a calibration moves as it moves a sample; a spread, a count or a raw reading it does not.
_LEVELS = {"value", "mean", "min", "max", "last"}
_MOST = 6  # a sixth degree polynomial has left every sensor behind


@dataclass(frozen=True, order=True)
class Calibration:
    """Holds for records of `channel` from `from_ms` (Unix) on, until a later one of the channel."""

    channel: str
    from_ms: int
    coefficients: tuple[float, ...]


def apply(
    raw: NDArray[np.int32],
    column: Column,
    unix_ms: NDArray[np.int64],
    known: Sequence[Calibration],
) -> NDArray[np.float64]:
    """Apply the calibrations to counts taken at `unix_ms`; records without a time have 0 there,
    before any.
    """
    x = raw / np.float64(column.scale)
    mine = sorted(c for c in known if c.channel == column.channel["name"])
    if column.what not in _LEVELS:
        return x
    if not mine:
        return x
    which = np.searchsorted([c.from_ms for c in mine], unix_ms, side="right")
    value = x.copy()
    for i, calibration in enumerate(mine, 1):
        rows = which == i
        value[rows] = np.polynomial.polynomial.polyval(x[rows], calibration.coefficients)
    return value


def read(folder: Path) -> list[Calibration]:
    """Read those of a node (ARCHIVE/NODE); none where it has no file."""
    path = folder / FILE
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise TirtaError(
            f"Cannot read {path}: {error}.", "Check the file and its rights."
        ) from error
    rows = csv.DictReader(io.StringIO(text))
    found = []
    for row in rows:
        try:
            found.append(_calibration(row))
        except (KeyError, TypeError, ValueError) as error:
            raise TirtaError(
                f"Line {rows.line_num} of {path} is no calibration.",
                "A line has channel, from_utc and coefficients, like `ph,2026-03-01T08:00:00Z,0.1"
                " 0.98`: a constant, then the factor of each power.",
            ) from error
    return sorted(found)


def _calibration(row: dict[str, str]) -> Calibration:
    channel, since, coefficients = (row[name].strip() for name in COLUMNS)
    factors = tuple(float(word) for word in coefficients.split())
    if not channel or not 1 <= len(factors) <= _MOST or not np.isfinite(factors).all():
        raise ValueError(channel)
    time = datetime.fromisoformat(since)
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    return Calibration(channel, round(time.timestamp() * 1000), factors)
