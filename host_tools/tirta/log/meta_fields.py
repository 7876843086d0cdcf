# SPDX-License-Identifier: MIT
"""Meta records as a log has them: the one place where their words are believed.

A page whose CRCs are right was written by somebody: by a node, or by whoever passes for one.
"""

from typing import Any

from tirta.text import clean
from tirta_format import meta

_MOST = 2**53  # ms: 285,000 years; sums and products of such numbers fit into 64 bits
_MOST_BOOT = 2**32 - 1
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
    told: dict[str, Any] = {
        key: clean(t, _LETTERS) for key, t in fields.items() if isinstance(t, str)
    }
    if totals := fields.get("totals"):
        told["totals"] = [(clean(name), total) for name, total in totals]
    return kind, uptime_ms, fields | told
