# SPDX-License-Identifier: MIT
"""Text that came from outside, made fit for a person's terminal.

A node is not trusted to be polite: a damaged or hostile one may send escape sequences that move the
cursor, change the title or imitate our own messages, or megabytes of them.
"""

import unicodedata

LIMIT = 64


def clean(text: object, limit: int = LIMIT) -> str:
    """`text` on one line, without control or invisible characters, at most `limit` letters."""
    kept = (c if not unicodedata.category(c).startswith(("C", "Z")) else " " for c in str(text))
    return " ".join("".join(kept).split())[:limit]


def bounded(value: object, *, depth: int = 6, limit: int = LIMIT) -> object:
    """A JSON value with every text in it cleaned; deeper than `depth`, nothing is kept."""
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
