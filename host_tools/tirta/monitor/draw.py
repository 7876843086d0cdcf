# SPDX-License-Identifier: MIT
"""Numbers as characters: values with their digits, and lines of blocks."""

import math
from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
GAP = "·"  # no value
FLAGS = {1: "good", 2: "unchecked", 3: "suspect", 4: "bad", 9: "no value"}


def spark(values: Sequence[float], width: int) -> str:
    """Draw the last values as `width` blocks, each the highest of its share: no peak hides."""
    shares = _shares(values, width)
    known = [v for v in shares if not math.isnan(v)]
    if not known:
        return GAP * len(shares)
    low, high = min(known), max(known)
    step = (high - low) / (len(BLOCKS) - 1)
    return "".join(
        GAP if math.isnan(v) else BLOCKS[round((v - low) / step) if step else 0] for v in shares
    )


def chart(values: Sequence[float], width: int, height: int) -> list[str]:
    """Draw lines from top to bottom, `width` wide; the scale goes from the lowest to the
    highest.
    """
    shares = _shares(values, width)
    known = [v for v in shares if not math.isnan(v)]
    if not known:
        return [" " * width] * (height - 1) + [(GAP * len(shares)).ljust(width)]
    low, high = min(known), max(known)
    levels = height * len(BLOCKS)
    span = high - low
    tall = [
        0 if math.isnan(v) else 1 + round((v - low) / span * (levels - 1)) if span else 1
        for v in shares
    ]
    lines = []
    for row in range(height - 1, -1, -1):
        cells = [min(max(t - row * len(BLOCKS), 0), len(BLOCKS)) for t in tall]
        lines.append("".join(" " if not c else BLOCKS[c - 1] for c in cells).ljust(width))
    return lines


def _shares(values: Sequence[float], width: int) -> list[float]:
    """At most `width` numbers: the newest values, the highest of as many as share a place."""
    each = max(1, math.ceil(len(values) / width))
    cut = len(values) % each  # the newest place is full
    parts = [values[:cut]] if cut else []
    parts += [values[at : at + each] for at in range(cut, len(values), each)]
    return [max((v for v in part if not math.isnan(v)), default=float("nan")) for part in parts]


def number(value: float | None, decimals: int) -> str:
    """Write as many digits as the node keeps."""
    return "-" if value is None else f"{value:.{decimals}f}"


def bar(share: float, width: int) -> str:
    """Draw a share from 0 to 1."""
    full = round(min(max(share, 0.0), 1.0) * width)
    return "█" * full + "░" * (width - full)
