# SPDX-License-Identifier: MIT
"""Whether a probe in a reference has settled, from its last readings.

An electrode comes near its reference's value ever more slowly, so ten readings that agree say
little: a second apart, an electrode that needs a minute agrees with itself a tenth of a pH too
early. What counts is how much it still *drifts*, from one half of a window to the next, and how
much it *scatters* around that. The value is the mean of the window's newer half.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WINDOW_S = 30.0  # longer than the slowest converter takes to be read again (10 s)
LEAST_READINGS = 10
DRIFT_UV = 1000.0  # in half a window: an electrode that needs 30 s is within 2 mV of its end then
SCATTER_UV = 2000.0  # standard deviation; the noise of the chip's converter is about 1 mV
WARMING_C = 0.2  # in half a window: 0.07 % of a pH electrode's slope


@dataclass(frozen=True)
class ProbeReading:
    """What a probe read, in microvolts, when (seconds of the node's clock), and how warm the water
    was.
    """

    at_s: float  # of the node's clock
    raw_uv: float
    celsius: float | None = None  # None: no thermometer


@dataclass(frozen=True)
class Look:
    """A window of readings: its newer half's mean, and how far it is from being settled."""

    raw_uv: float
    celsius: float | None
    drift_uv: float  # in half a window
    scatter_uv: float
    warming_c: float

    @property
    def unrest(self) -> str:
        """What still moves, for a person; nothing when the probe has settled."""
        half_s = WINDOW_S / 2
        if abs(self.drift_uv) > DRIFT_UV:
            return f"it drifts by {self.drift_uv / 1000:+.1f} mV in {half_s:.0f} s"
        if self.scatter_uv > SCATTER_UV:
            return f"it scatters by {self.scatter_uv / 1000:.1f} mV"
        if abs(self.warming_c) > WARMING_C:
            return f"its temperature moves by {self.warming_c:+.1f} degC in {half_s:.0f} s"
        return ""


def window(readings: Sequence[ProbeReading]) -> Sequence[ProbeReading]:
    """Return the newest of the readings that span a whole window; none while they do not."""
    begin_s = readings[-1].at_s - WINDOW_S if readings else 0.0
    for i in range(len(readings) - LEAST_READINGS, -1, -1):
        if readings[i].at_s <= begin_s:
            return readings[i:]
    return ()


def look(readings: Sequence[ProbeReading]) -> Look | None:
    """Judge the newest window of readings in order; None while there is none."""
    seen = window(readings)
    if not seen:
        return None
    at_s = np.array([r.at_s for r in seen])
    raw_uv = np.array([r.raw_uv for r in seen])
    rate = _rate(at_s, raw_uv)
    rest = raw_uv - raw_uv.mean() - rate * (at_s - at_s.mean())
    celsius = np.array([r.celsius for r in seen if r.celsius is not None])
    known = len(celsius) == len(seen)
    newer = slice(len(seen) // 2, None)
    return Look(
        raw_uv=float(raw_uv[newer].mean()),
        celsius=float(celsius[newer].mean()) if known else None,
        drift_uv=rate * WINDOW_S / 2,
        scatter_uv=float(rest.std()),
        warming_c=_rate(at_s, celsius) * WINDOW_S / 2 if known else 0.0,
    )


def _rate(at_s: np.ndarray, values: np.ndarray) -> float:
    """Change a second, between the means of the two halves."""
    half = len(values) // 2
    apart_s = at_s[half:].mean() - at_s[:half].mean()
    return float((values[half:].mean() - values[:half].mean()) / apart_s)
