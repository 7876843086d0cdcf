# SPDX-License-Identifier: MIT
"""Bursts in generated towns and in L-Town: found, false, delays (keys `district.*`).

`python tests/bench/district_bursts.py [FIRST]` takes some 0.3 s a town, and 20 s for L-Town's year.
Seeds below 400 were looked at while the detector was made; the table begins there.
"""

import sys
from zoneinfo import ZoneInfo

import battledim
import numpy as np
from burst_judge import Found, Leak, Verdict, judge
from figures import Figures, Say
from week_towns import Town, town

from tirta.district.burst import bursts
from tirta.district.calendar import Calendar
from tirta.district.night import NightWindow, nights

FIRST, TOWNS, QUIET = 400, 30, 60
SIZES = (2.0, 1.0, 0.5)


def found_in(made: Town) -> list[Found]:
    """The bursts of a town, its holidays known."""
    window = NightWindow(
        ZoneInfo("Asia/Jakarta"), calendar=Calendar((5, 6), frozenset(made.holidays))
    )
    told = bursts(made.flow, made.pressure, nights(made.flow, made.pressure, window), window)
    return [Found(b.start_s, b.size_lps, b.end_s) for b in told]


def judged(seed: int, size: float) -> Verdict:
    """One town against its truth."""
    made = town(seed, size)
    leaks = [Leak(f"town {seed}", made.start_s, made.end_s, size)] if size else []
    return judge(leaks, found_in(made))


def measure(say: Say, first: int = FIRST) -> Figures:
    """Every key `district.*`."""
    figures: Figures = {}
    say("town, L/s  found  within 1 h  start, h: median, worst  end, h: median  size: worst  false")
    for size in SIZES:
        verdicts = [judged(seed, size) for seed in range(first, first + TOWNS)]
        starts = np.abs([h for v in verdicts for h in v.delays_h()])
        ends = np.abs([h for v in verdicts for h in v.ends_h()])
        sizes = np.abs(np.array([q for v in verdicts for q in v.sizes()]) - 1)
        found, false = sum(v.found() for v in verdicts), sum(len(v.false) for v in verdicts)
        name = f"district.towns_{size:g}_lps"
        figures |= {
            f"{name}_found": found, f"{name}_false": false,
            f"{name}_within_1h": int((starts <= 1).sum()),
            f"{name}_start_median_h": float(np.median(starts)),
        }  # fmt: skip
        say(
            f"{size:9.1f}  {found:2d}/{TOWNS}  {(starts <= 1).sum():10d}"
            f"  {np.median(starts):16.2f}, {starts.max():5.1f}  {np.median(ends):14.2f}"
            f"  {sizes.max():11.0%}  {false:5d}"
        )
    quiet = range(first + 1000, first + 1000 + QUIET)
    false = sum(len(judged(seed, 0.0).bursts) for seed in quiet)
    figures["district.towns_quiet_false"] = false
    say(f"{QUIET} months without a burst: {false} found")
    return figures | battledim.measure(say)


if __name__ == "__main__":
    measure(print, int(sys.argv[1]) if len(sys.argv) > 1 else FIRST)
