# SPDX-License-Identifier: MIT
"""Months of minutes for a screen of a thousand dots: every extreme survives, holes stay holes.

A *bucket* is a span of time that becomes one column of dots. It keeps the least and the greatest of
its values, so that no event is averaged away; the mean is drawn on top and replaces neither. A
bucket without a value is empty, and no line is drawn through it.
"""

import base64
import math
from dataclasses import dataclass

import numpy as np

from tirta.district.signal import Floats, Signal

_KINDS = {8: "u1", 16: "<u2"}


@dataclass(frozen=True)
class Buckets:
    """Arrays [buckets]; NaN where a bucket has no value. Bucket i begins at start + i steps."""

    start_s: float
    step_s: float
    low: Floats
    high: Floats
    mean: Floats


def buckets(signal: Signal, start_s: float, end_s: float, step_s: float) -> Buckets:
    """Downsample the values of a signal between two times; suspect and failed ones are left out."""
    count = math.ceil((end_s - start_s) / step_s)
    part = signal.cut(signal.between(start_s, end_s))
    values = part.valid()
    known = ~np.isnan(values)
    # A record belongs to the bucket that its interval ends in: the last instant is still inside.
    place = np.ceil((part.time_s[known] - start_s) / step_s).astype(np.int64) - 1
    place, values = np.clip(place, 0, count - 1), values[known]
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, place, values)
    np.maximum.at(high, place, values)
    number = np.bincount(place, minlength=count)
    total = np.bincount(place, values, minlength=count)
    empty = number == 0
    low[empty] = high[empty] = np.nan
    return Buckets(
        start_s, step_s, low, high, np.where(empty, np.nan, total / np.maximum(number, 1))
    )


def packed(values: Floats, bits: int = 16) -> dict[str, object]:
    """Pack values for the page: `bits` (8 or 16) each between the least and the greatest, in
    base64.

    A screen shows a thousand steps; 16 bits are 65,534, and 8 bits are 254, for charts of which a
    page has thousands. The greatest number stands for an empty bucket.
    """
    known = values[~np.isnan(values)]
    empty = (1 << bits) - 1
    low = float(known.min()) if len(known) else 0.0
    span = float(known.max()) - low if len(known) else 0.0
    scaled = np.nan_to_num((values - low) / span * (empty - 1) if span else values * 0)
    steps = np.where(np.isnan(values), empty, np.round(scaled)).astype(_KINDS[bits])
    data = base64.b64encode(steps.tobytes()).decode()
    return {"low": low, "step": span / (empty - 1), "bits": bits, "data": data}
