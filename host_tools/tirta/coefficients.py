# SPDX-License-Identifier: MIT
"""From readings in known references to the coefficients that a node keeps, or why not.

A *point* is what the converter read (microvolts), what the reference is, and its temperature. The
references of pH are buffers at that temperature; those of conductivity are given at 25 degC.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from tirta.errors import TirtaError
from tirta_format import calibration

METHODS = {"zero": 1, "offset": 1, "1-point": 1, "2-point": 2, "3-point": 3}
NERNST_UV_PER_K = 198.42  # ln(10) R / F, CODATA 2018
MOST_OFFSET_UV = 60_000.0  # about one pH; a healthy electrode is within half of it
MOST_BEND = calibration.MOST_SLOPE / calibration.LEAST_SLOPE  # of the slopes of two pieces
MOST_CHANGE = 2.0  # of the sensitivity, against the config
MOST_SHIFT = 0.25  # of the range that the config describes
_AGAIN = "Clean the probe, take fresh references, and try again; nothing was changed."


@dataclass(frozen=True)
class Point:
    raw_uv: float
    reference: float
    celsius: float = 25.0


def solve(channel: dict[str, Any], method: str, points: Sequence[Point]) -> dict[str, Any]:
    """The channel's new keys (FORMAT.md 8.3). Raises TirtaError with the reason when the result is
    not plausible.
    """
    kind = channel["sensor"]
    if kind not in calibration.KEYS:
        raise TirtaError(
            f"A {kind} is not calibrated by Tirta.",
            f"These are: {', '.join(calibration.KEYS)}. Others keep a calibration of their own.",
        )
    if len(points) != METHODS[method]:
        raise TirtaError(
            f"{method} takes {METHODS[method]} references, not {len(points)}.",
            "Give one --reference for each.",
        )
    if len({p.reference for p in points}) < len(points) or len({p.raw_uv for p in points}) < len(
        points
    ):
        raise TirtaError("Two of the points are the same.", _AGAIN)
    if kind == "ph":
        return _ph(channel, points)
    if kind == "oxygen":
        return _oxygen(channel, method, points)
    if "points" in calibration.KEYS[kind]:
        return _curve(channel, method, points)
    return _line(channel, points)


def straight(points: Sequence[Point]) -> None:
    """Raises TirtaError when the pieces between the points differ too much in slope."""
    ordered = sorted(points, key=lambda p: p.reference)
    slopes = [(b.raw_uv - a.raw_uv) / (b.reference - a.reference) for a, b in pairwise(ordered)]
    if len(slopes) > 1 and (
        min(slopes) * max(slopes) <= 0 or max(map(abs, slopes)) > MOST_BEND * min(map(abs, slopes))
    ):
        raise TirtaError(
            f"The slopes between the points are {', '.join(f'{s:.4g}' for s in slopes)}:"
            " they differ too much for one electrode.",
            _AGAIN,
        )


def _ph(channel: dict[str, Any], points: Sequence[Point]) -> dict[str, Any]:
    e_uv = np.array(
        [(p.raw_uv - channel["zero_uv"]) * 1000 / channel["gain_milli"] for p in points]
    )
    x_uv = np.array([(7 - p.reference) * NERNST_UV_PER_K * (273.15 + p.celsius) for p in points])
    slope = channel["slope"] / 10000
    if len(points) > 1:
        slope = float(np.polyfit(x_uv, e_uv, 1)[0])
        low, high = calibration.LEAST_SLOPE / 10000, calibration.MOST_SLOPE / 10000
        if not low <= slope <= high:
            raise TirtaError(
                f"The slope is {slope:.1%} of Nernst's; a usable electrode has {low:.0%} to"
                f" {high:.0%}.",
                _AGAIN,
            )
        straight(points)
    offset_uv = float(np.mean(e_uv - slope * x_uv))
    if abs(offset_uv) > MOST_OFFSET_UV:
        raise TirtaError(
            f"The electrode gives {offset_uv / 1000:.1f} mV at pH 7; more than"
            f" {MOST_OFFSET_UV / 1000:.0f} mV is not plausible.",
            _AGAIN,
        )
    return {"offset_uv": round(offset_uv), "slope": round(slope * 10000)}


def _oxygen(channel: dict[str, Any], method: str, points: Sequence[Point]) -> dict[str, Any]:
    """zero: water without oxygen; 1-point: saturated with air; 2-point: both, references 0, 100."""
    keys = {key: channel[key] for key in calibration.KEYS["oxygen"]}
    ordered = sorted(points, key=lambda p: p.reference)
    if method in ("zero", "2-point"):
        keys["zero_uv"] = round(ordered[0].raw_uv)
    if method in ("1-point", "2-point"):
        keys |= {"cal_uv": round(ordered[-1].raw_uv), "cal_centi": round(ordered[-1].celsius * 100)}
    old, new = channel["cal_uv"] - channel["zero_uv"], keys["cal_uv"] - keys["zero_uv"]
    _plausible_change(new / old)
    return keys


def _line(channel: dict[str, Any], points: Sequence[Point]) -> dict[str, Any]:
    """voltage, orp, 4-20 mA: a straight line, moved by one point or laid through several."""
    current = channel["sensor"] == "current"
    uv0 = 4 * channel["shunt_mohm"] if current else channel["uv0"]
    uv1 = 20 * channel["shunt_mohm"] if current else channel["uv1"]
    y0, y1 = (channel[k] for k in (("low", "high") if current else ("value0", "value1")))
    raw = np.array([p.raw_uv for p in points])
    value = np.array([p.reference * channel["scale"] for p in points])
    old = (y1 - y0) / (uv1 - uv0)
    slope, most = old, MOST_SHIFT * abs(y1 - y0)
    if len(points) > 1:
        slope = float(np.polyfit(raw, value, 1)[0])
        _plausible_change(slope / old)
    base = float(np.mean(value - slope * raw))
    bend = float(np.abs(value - base - slope * raw).max())
    if bend > 0.05 * float(np.ptp(value)) and len(points) > 1:
        raise TirtaError("The points do not lie on a line.", _AGAIN)
    new0, new1 = base + slope * uv0, base + slope * uv1
    if len(points) == 1 and abs(new0 - y0) > most:
        raise TirtaError(
            f"The offset would be {(new0 - y0) / channel['scale']:.4g}: more than a quarter of the"
            " range.",
            _AGAIN,
        )
    if current:
        return {"low": round(new0), "high": round(new1)}
    return {"uv0": uv0, "value0": round(new0), "uv1": uv1, "value1": round(new1)}


def _curve(channel: dict[str, Any], method: str, points: Sequence[Point]) -> dict[str, Any]:
    """conductivity, tds, turbidity: the curve times a factor, moved, or laid through the points."""
    old = channel["points"]
    raws, values = np.array(old[0::2], float), np.array(old[1::2], float)
    alpha = channel.get("alpha", 0) / 10_000
    wanted = [p.reference * channel["scale"] * (1 + alpha * (p.celsius - 25)) for p in points]
    if len(points) > 1:
        ordered = sorted(zip((p.raw_uv for p in points), wanted, strict=True))
        for raw, value in ordered:
            now = float(np.interp(raw, raws, values))
            if now > 0 and value > 0:
                _plausible_change(value / now)
        return {"points": [round(n) for pair in ordered for n in pair]}
    now = float(np.interp(points[0].raw_uv, raws, values))
    if method == "1-point":
        if now <= 0 or wanted[0] <= 0:
            raise TirtaError("A factor needs a reading and a reference above zero.", _AGAIN)
        _plausible_change(wanted[0] / now)
        moved = values * (wanted[0] / now)
    else:
        moved = values + (wanted[0] - now)
        if abs(wanted[0] - now) > MOST_SHIFT * float(np.ptp(values)):
            raise TirtaError("The offset would be more than a quarter of the range.", _AGAIN)
    return {"points": [round(n) for pair in zip(raws, moved, strict=True) for n in pair]}


def _plausible_change(ratio: float) -> None:
    if not 1 / MOST_CHANGE <= ratio <= MOST_CHANGE:
        raise TirtaError(
            f"The sensitivity would be {ratio:.3g} times what the config says; 0.5 to 2 is"
            " plausible.",
            _AGAIN,
        )
