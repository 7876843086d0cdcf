# SPDX-License-Identifier: MIT
"""What keeps the page of a large district within 5 MB: coarser charts, and packed sections.

A small page is plain HTML and JSON. A large one carries its zones' sections and its charts packed
(gzip in base64), and the script unpacks what is looked at; every browser of since 2023 can.
"""

import base64
import gzip
import json
from dataclasses import dataclass
from typing import Any

PLAIN_NODES = 60  # up to so many nodes the page stays plain
_CHART_BYTES = 2_000_000  # of all lines of a large page, one byte a value, before packing
_LEAST, _FLOW_SHARE = 90, 0.3


@dataclass(frozen=True)
class Scale:
    """How finely the page draws: columns of a flow chart and of the others, bits a value."""

    packed: bool
    flow_columns: int
    other_columns: int
    bits: int


def scale(nodes: int, zones: int, signals: int) -> Scale:
    """Return the finest scale that keeps a page of so many nodes, zones and channels small."""
    if nodes <= PLAIN_NODES:
        return Scale(False, 1500, 720, 16)
    flow = int(_CHART_BYTES * _FLOW_SHARE / max(1, 3 * zones))
    other = int(_CHART_BYTES * (1 - _FLOW_SHARE) / max(1, 2 * signals))
    return Scale(True, min(1500, max(_LEAST, flow)), min(720, max(_LEAST, other)), 8)


def pack(value: Any) -> str:
    """Pack a value as JSON, gzip, base64; the same value gives the same text."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    return base64.b64encode(gzip.compress(text, 9, mtime=0)).decode()
