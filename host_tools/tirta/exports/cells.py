# SPDX-License-Identifier: MIT
"""Values on their way into other programs: cells of CSV, values of JSON, times as text.

A spreadsheet takes a text that begins with one of = + - @, tab or return for a formula and runs it
(CWE-1236). Such a text gets an apostrophe before it, which spreadsheets hide; numbers stay as they
are.
"""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(value: Any) -> str | int:
    """Write one cell of CSV; nothing is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return number(value)
    if isinstance(value, datetime):
        return iso(value)
    return text(str(value))


def text(value: str) -> str:
    """Make a text one that no spreadsheet runs; what would break its line becomes a space."""
    safe = "'" + value if value.startswith(_FORMULA) else value
    return safe if safe.isprintable() else "".join(c if c.isprintable() else " " for c in safe)


def number(value: float) -> str:
    """Write the shortest text that reads back as the same number; whole numbers without a point."""
    if not math.isfinite(value):
        return ""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def iso(value: datetime) -> str:
    """Write UTC in ISO 8601 with milliseconds, or microseconds where there are any."""
    moment = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    exact = "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.isoformat(timespec=exact).replace("+00:00", "Z")


def plain(value: Any) -> Any:
    """Turn a value into what JSON has: times as text, numbers that are none as null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    for kind, convert in _CONVERT.items():
        if isinstance(value, kind):
            return convert(value)
    return value


_CONVERT: dict[type, Callable[[Any], Any]] = {
    datetime: iso,  # before date, which it is, too
    date: date.isoformat,
    time: time.isoformat,
    timedelta: timedelta.total_seconds,
    Decimal: lambda value: int(value) if value == value.to_integral_value() else float(value),
    bytes: bytes.hex,
}
