# SPDX-License-Identifier: MIT
"""Meta records as a log has them: the one place where their words are believed.

A page whose CRCs are right was written by somebody: by a node, or by whoever passes for one.
"""

import json
from typing import Any

from tirta.text import clean
from tirta_format import calibration, meta

_MOST = 2**53  # ms: 285,000 years; sums and products of such numbers fit into 64 bits
_MOST_BOOT = 2**32 - 1
_MOST_UNIX = 4_102_444_800  # the year 2100
_LETTERS = 2000  # a calibration keeps keys and points as JSON


def parse(payload: bytes) -> tuple[int, int, dict[str, Any]]:
    """Read (type, uptime in ms, fields by name), numbers that can be ones, printable texts.

    Raises ValueError for what no node writes.
    """
    kind, uptime_ms, fields = meta.parse(payload)
    for number in (uptime_ms, *fields.values()):
        if isinstance(number, int) and abs(number) > _MOST:
            raise ValueError("a number is too large")
    if fields.get("boot", 0) > _MOST_BOOT:
        raise ValueError("no boot has this number")
    if kind == calibration.RECORD:
        _must_be_calibration(fields)
    told: dict[str, Any] = {
        key: clean(t, _LETTERS) for key, t in fields.items() if isinstance(t, str)
    }
    if totals := fields.get("totals"):
        told["totals"] = [(clean(name), total) for name, total in totals]
    return kind, uptime_ms, fields | told


def _must_be_calibration(fields: dict[str, Any]) -> None:
    """Raise ValueError unless its texts are the JSON that they should be, and its time is one."""
    if fields["unix"] > _MOST_UNIX or any(len(fields[key]) > _LETTERS for key in _JSON):
        raise ValueError("a calibration that is none")
    try:
        found = [json.loads(fields[key], parse_constant=_never) for key in _JSON]
    except RecursionError as error:
        raise ValueError("JSON that is nested too deep") from error
    if [type(one) for one in found] != [dict, dict, list]:
        raise ValueError("a calibration without its keys")


def _never(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


_JSON = ("old", "new", "points")
