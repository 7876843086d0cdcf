# SPDX-License-Identifier: MIT
"""Configs that several tests give their nodes."""

import json
from typing import Any

VISIT_S = 5


def config(**changes: Any) -> bytes:
    """A flow meter and a pressure, one record a second, durable at once."""
    base = {
        "board": "virtual",
        "channels": [
            {"name": "flow", "sensor": "pulse", "pin": 27, "counter": 0, "ml": 10000},
            {
                "name": "p", "sensor": "current", "pin": 36, "shunt_mohm": 100000,
                "low": 0, "high": 10000, "scale": 100, "unit": "m",
            },
        ],
        "commit_ms": 1000,
        "interval_ms": 1000,
        "version": 1,
        "visit_s": VISIT_S,
    }  # fmt: skip
    return json.dumps(base | changes, sort_keys=True, separators=(",", ":")).encode()
