# SPDX-License-Identifier: MIT
"""Drift between two calibration visits, taken out of a series.

What a visit finds grew since the one before; the correction is prorated linearly over the interval
(USGS Techniques and Methods 1-D3, Wagner and others, 2006).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Drift:
    """`gap`: what must be added at `end_ms` (Unix), just before the visit; 0 at `start_ms`."""

    start_ms: int
    end_ms: int
    gap: float


def corrected(
    unix_ms: NDArray[np.int64], values: NDArray[np.float64], drifts: Sequence[Drift]
) -> NDArray[np.float64]:
    """Take every drift out of the values; NaN stays NaN, what lies outside stays as it
    is.
    """
    out = values.astype(np.float64)
    for drift in drifts:
        inside = (unix_ms >= drift.start_ms) & (unix_ms <= drift.end_ms)
        part = (unix_ms[inside] - drift.start_ms) / (drift.end_ms - drift.start_ms)
        out[inside] += drift.gap * part
    return out
