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
from numpy.typing import NDArray

from tirta.config.devices import oxygen_saturation
from tirta.errors import TirtaError
from tirta.text import counted
from tirta_format import calibration

METHODS = {"zero": 1, "offset": 1, "1-point": 1, "2-point": 2, "3-point": 3}
# Without oxygen, saturated with air, or both.
_ONLY = {"oxygen": ("zero", "1-point", "2-point")}
NERNST_UV_PER_K = 198.42  # ln(10) R / F, CODATA 2018
MOST_OFFSET_UV = 60_000.0  # about one pH; a healthy electrode is within half of it
MOST_BEND = calibration.MOST_SLOPE / calibration.LEAST_SLOPE  # of the slopes of two pieces
MOST_CURVE_BEND = 1.5  # of the pieces of a curve, each against the same piece of the config's
MOST_CHANGE = 2.0  # of the sensitivity, against the config
MOST_SHIFT = 0.25  # of the range that the config describes
LEAST_SHARE, MOST_SHARE = 0.5, 1.3  # of saturation with air, of a reference for oxygen
_AGAIN = "Clean the probe, take fresh references, and try again; nothing was changed."


@dataclass(frozen=True)
class Point:
    """A reading in a reference: microvolts, the reference in its unit, its temperature in degC."""

    raw_uv: float
    reference: float
    celsius: float = 25.0


def must_be_possible(channel: dict[str, Any], method: str) -> None:
    """Raise TirtaError where a channel of this kind has no such calibration."""
    kind = channel["sensor"]
    name = "4-20mA" if kind == "current" else kind
    if kind not in calibration.KEYS:
        kinds = ", ".join("4-20mA" if k == "current" else k for k in calibration.KEYS)
        raise TirtaError(
            f"A {name} is not calibrated by Tirta.",
            f"These are: {kinds}. Others keep a calibration of their own.",
        )
    if method not in _ONLY.get(kind, METHODS):
        raise TirtaError(
            f"A sensor for {name} has no calibration {method}.",
            f"Choose --method: {', '.join(_ONLY[kind])}.",
        )


def solve(channel: dict[str, Any], method: str, points: Sequence[Point]) -> dict[str, Any]:
    """Work out the channel's new keys (FORMAT.md 8.3). Raises TirtaError with the reason when the
    result is not plausible.
    """
    kind = channel["sensor"]
    must_be_possible(channel, method)
    if len(points) != METHODS[method]:
        raise TirtaError(
            f"{method} takes {counted(METHODS[method], 'reference')}, not {len(points)}.",
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
    """Raise TirtaError when the pieces between the points differ too much in slope."""
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
        if not low <= round(slope, 4) <= high:  # as the node keeps it
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
    """zero: water without oxygen, reference 0; 1-point: water with much, whose reference is its
    mg/L, or 100 for water saturated with air; 2-point: both.
    """
    keys = {key: channel[key] for key in calibration.KEYS["oxygen"]}
    ordered = sorted(points, key=lambda p: p.reference)
    if method in ("zero", "2-point"):
        if ordered[0].reference != 0:
            raise TirtaError(
                f"Water of {ordered[0].reference:g} is no zero for an oxygen probe.",
                "Hold it into water without oxygen (sodium sulphite): --reference 0",
            )
        keys["zero_uv"] = round(ordered[0].raw_uv)
    if method in ("1-point", "2-point"):
        share = _saturation_share(channel, ordered[-1])
        span_uv = (ordered[-1].raw_uv - keys["zero_uv"]) / share
        keys["cal_uv"] = round(keys["zero_uv"] + span_uv)
        keys["cal_centi"] = round(ordered[-1].celsius * 100)
    old, new = channel["cal_uv"] - channel["zero_uv"], keys["cal_uv"] - keys["zero_uv"]
    _plausible_change(new / old)
    return keys


def _saturation_share(channel: dict[str, Any], point: Point) -> float:
    """The part of what water saturated with air holds at this temperature."""
    full = oxygen_saturation(
        point.celsius, channel.get("salinity", 0) / 100, channel.get("pressure", 101_325) / 1000
    )
    in_percent = channel.get("unit") == "%" or point.reference > 2 * full
    share = point.reference / (100 if in_percent else full)
    if not LEAST_SHARE <= share <= MOST_SHARE:
        raise TirtaError(
            f"{point.reference:g} is {share:.0%} of what water saturated with air holds at"
            f" {point.celsius:g} degC ({full:.2f} mg/L); a reference has {LEAST_SHARE:.0%} to"
            f" {MOST_SHARE:.0%}.",
            "Use water saturated with air: --reference 100, or its mg/L. Nothing was changed.",
        )
    return share


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
        _plausible_curve(ordered, raws, values)
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


def _plausible_curve(
    found: Sequence[tuple[float, float]], raws: NDArray[np.float64], values: NDArray[np.float64]
) -> None:
    """Raises TirtaError where a curve through these points is not the config's with some change of
    sensitivity: each piece has the slope of the config's there, times about the same factor.
    """
    before = [_on_curve(raw, raws, values) for raw, _ in found]
    ratios = []
    for (now0, now1), ((_, new0), (_, new1)) in zip(pairwise(before), pairwise(found), strict=True):
        ratios.append((new1 - new0) / (now1 - now0) if now1 != now0 else np.inf)
        _plausible_change(ratios[-1])
    if max(ratios) > MOST_CURVE_BEND * min(ratios):
        told = ", ".join(f"{ratio:.3g}" for ratio in ratios)
        raise TirtaError(
            f"Between the points the sensitivity would be {told} times what the config says:"
            " they differ too much for one probe.",
            _AGAIN,
        )
    shift = max(abs(new - now) for (_, new), now in zip(found, before, strict=True))
    if shift > float(np.ptp(values)):
        raise TirtaError("The curve would move by more than its range.", _AGAIN)


def _on_curve(raw: float, raws: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """The value at a reading; beyond the ends the outer pieces go on."""
    i = min(max(int(np.searchsorted(raws, raw)), 1), len(raws) - 1)
    slope = (values[i] - values[i - 1]) / (raws[i] - raws[i - 1])
    return float(values[i] + slope * (raw - raws[i]))


def _plausible_change(ratio: float) -> None:
    if not 1 / MOST_CHANGE <= ratio <= MOST_CHANGE:
        raise TirtaError(
            f"The sensitivity would be {ratio:.3g} times what the config says; 0.5 to 2 is"
            " plausible.",
            _AGAIN,
        )
