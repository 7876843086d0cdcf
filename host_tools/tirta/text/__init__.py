# SPDX-License-Identifier: MIT
"""Text for a person: what came from outside made fit for a terminal; times and numbers in words.

A node is not trusted to be polite: a damaged or hostile one may send escape sequences that move the
cursor, change the title or imitate our own messages, or megabytes of them.
"""

import unicodedata

LIMIT = 64
_UNITS = (("days", 86_400, 48 * 3600), ("hours", 3600, 90 * 60), ("minutes", 60, 120))


def clean(text: object, limit: int = LIMIT) -> str:
    """Return `text` on one line, without control or invisible characters, at most `limit`
    letters.
    """
    if isinstance(text, str) and text.isascii() and text.isprintable() and " " not in text:
        return text[:limit]
    kept = (c if not unicodedata.category(c).startswith(("C", "Z")) else " " for c in str(text))
    return " ".join("".join(kept).split())[:limit]


def bounded(value: object, *, depth: int = 6, limit: int = LIMIT) -> object:
    """Clean every text in a JSON value; deeper than `depth`, nothing is kept."""
    if isinstance(value, str):
        return clean(value, limit)
    if depth == 0:
        return None
    if isinstance(value, list):
        return [bounded(item, depth=depth - 1, limit=limit) for item in value]
    if isinstance(value, dict):
        return {
            clean(key, limit): bounded(item, depth=depth - 1, limit=limit)
            for key, item in value.items()
        }
    return value


def counted(number: int, one: str, many: str = "") -> str:
    """Return `1 record`, `2 records`; `many` where an s is not enough."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def scaled(seconds: float) -> tuple[float, str]:
    """Return a length of time in the unit that a person chooses: (45.0, "minutes"), (3.5,
    "hours").
    """
    for unit, size, at_least in _UNITS:
        if seconds >= at_least:
            return seconds / size, unit
    return seconds, "seconds"


def duration(seconds: float) -> str:
    """Say the same in English: 45 minutes, 3.5 hours, 12 days."""
    value, unit = scaled(seconds)
    return f"{value:,.3g} {unit}" if value < 1000 else f"{value:,.0f} {unit}"
