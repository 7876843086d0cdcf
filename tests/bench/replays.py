# SPDX-License-Identifier: MIT
"""Known leaks put into a real year in other orders: L-Town 2018 without its own leaks, with new
ones.

`python tests/bench/replays.py [FIRST] [COUNT]`; some 8 s a year. Leaks are of the sizes, kinds and
durations that such a year has, several open at once; each year is another seed. By what is missed,
and by what is told falsely, a rule that was fitted to the one known order of leaks would show.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import battledim
import numpy as np
from burst_judge import ABRUPT, DAY_S, INCIPIENT, Found, Leak, Verdict, fits, judge
from figures import Figures, Say
from numpy.typing import NDArray

from tirta.district.signal import Signal

Floats = NDArray[np.float64]
YEARS = 12
LARGE = 3.5  # L/s: a third of what people use at night
PUMP = "PUMP_1"
MAINS = ("p227", "p235")
MOST_PUMPED_LPS = 4.5  # with more the pump could not fill the tank
TANK_M3 = 380.0  # between on and off: what 2018 uses while the pump stands
PUMPED = {"p257", "p31"}  # of 2018: their water comes through the tank


@dataclass(frozen=True)
class Hole:
    """A leak, and whether it lies in the zone that the tank feeds."""

    leak: Leak
    pumped: bool


def lost(leak: Leak, time_s: Floats) -> Floats:
    """What a leak takes at each time, L/s: a hole whose diameter grows evenly."""
    grows_s = max(leak.peak_s - leak.start_s, 1.0)
    share = np.clip((time_s - leak.start_s) / grows_s, 0, 1) ** 2
    return np.asarray(leak.lps * share * (time_s < leak.end_s))


def without_leaks(flows: dict[str, Signal], known: Iterable[Hole]) -> dict[str, Signal]:
    """A year without its own leaks: the town beside the pump, and the pump as `tank` runs it."""
    known = list(known)
    at_s = flows["p227"].time_s
    taken = {
        pumped: sum((lost(h.leak, at_s) for h in known if h.pumped == pumped), np.zeros(len(at_s)))
        for pumped in (False, True)
    }
    town = sum(flows[name].value for name in MAINS) - flows[PUMP].value - taken[False]
    use = _use(flows[PUMP]) - taken[True]
    return made(flows, np.maximum(town, 0.0), np.maximum(use, 0.0))


def made(flows: dict[str, Signal], town: Floats, use: Floats) -> dict[str, Signal]:
    """The flows of a town (beside the pump) and of what the lower zone uses, L/s."""
    pump = flows[PUMP]
    fill = tank(use, float(np.percentile(pump.value, 95)), pump.interval_s)
    new = {name: replace(flows[name], value=(town + fill) / 2) for name in MAINS}
    return new | {PUMP: replace(pump, value=fill), "use": replace(pump, value=use)}


def put(year: dict[str, Signal], holes: Iterable[Hole]) -> dict[str, Signal]:
    """Such a year with leaks."""
    at_s = year[PUMP].time_s
    town = sum(year[name].value for name in MAINS) - year[PUMP].value
    use = year["use"].value.copy()
    for hole in holes:
        if hole.pumped:
            use += lost(hole.leak, at_s)
        else:
            town = town + lost(hole.leak, at_s)
    return made(year, town, use)


def _use(pump: Signal) -> Floats:
    """What the lower zone used, L/s: between two stops what was pumped, with a day's shape."""
    on = pump.value > 0.4 * np.percentile(pump.value, 95)
    stops = np.flatnonzero(on[:-1] & ~on[1:])
    total = np.concatenate([[0.0], np.cumsum(pump.value)])
    ends = np.concatenate([[0], stops + 1, [len(on)]])
    mean = np.concatenate(
        [np.full(b - a, (total[b] - total[a]) / max(b - a, 1)) for a, b in pairwise(ends)]
    )
    mean[: ends[1]], mean[ends[-2] :] = mean[ends[1]], mean[ends[-2] - 1]
    hour = (pump.time_s % DAY_S) / 3600
    shape = np.clip(1 + 0.5 * np.sin((hour - 10) * np.pi / 12), 0.5, 1.5)
    smooth = np.convolve(np.pad(mean, 288, "edge"), np.full(577, 1 / 577), "valid")
    return np.asarray(smooth * shape)


def tank(use: Floats, running: float, step_s: float) -> Floats:
    """The pump's flow where it fills a tank: on below one level, off above another."""
    value, level, on = np.zeros(len(use)), 0.0, True
    for i, out in enumerate((use * step_s / 1000).tolist()):
        on = level < TANK_M3 if on else level < 0
        level += running * step_s / 1000 * on - out
        value[i] = running * on
    return value


def order(rng: np.random.Generator, first_s: float, last_s: float) -> list[Hole]:
    """A year's leaks: 14 to 20, half of them abrupt, two of five never repaired."""
    holes = []
    for number in range(int(rng.integers(14, 21))):
        start = rng.uniform(first_s + 8 * DAY_S, last_s - 10 * DAY_S)
        lps = float(np.exp(rng.uniform(np.log(1.2), np.log(9.5))))
        abrupt = rng.random() < 0.45
        peak = (
            start if abrupt else start + DAY_S * float(np.exp(rng.uniform(np.log(4), np.log(100))))
        )
        stays = rng.random() < (0.25 if abrupt else 0.45)
        end = last_s if stays else min(last_s, peak + DAY_S * rng.uniform(5, 30))
        kind = ABRUPT if abrupt else INCIPIENT
        pumped = bool(rng.random() < 0.12)
        lps = min(lps, MOST_PUMPED_LPS) if pumped else lps
        holes.append(Hole(Leak(f"r{number}", start, end, lps, kind, peak), pumped))
    return sorted(holes, key=lambda h: h.leak.start_s)


def replayed(year: dict[str, Signal], seed: int) -> Verdict:
    """One order of leaks, judged."""
    at_s = year[PUMP].time_s
    holes = order(np.random.default_rng([seed, 2018]), float(at_s[0]), float(at_s[-1]))
    told = battledim.found_in(put(year, holes))
    found = sorted((Found(b.start_s, b.size_lps, b.end_s) for b in told), key=lambda b: b.start_s)
    return judge([hole.leak for hole in holes], found)


def base() -> dict[str, Signal]:
    """The year without its leaks, each as large as it was found (a hole's head is not known)."""
    verdict = battledim.judged(battledim.FOLDER)
    size = {k: verdict.bursts[b].lps for k, b in verdict.pairs}
    holes = [
        Hole(replace(leak, lps=size.get(k, leak.lps)), leak.name in PUMPED)
        for k, leak in enumerate(verdict.leaks)
    ]
    return without_leaks(battledim.flows(battledim.FOLDER), holes)


def measure(say: Say, first: int = 0, count: int = YEARS) -> Figures:
    """`district.replays_*`: a line a year, and the sums; nothing where the data is absent."""
    if not battledim.FOLDER.exists():
        say("BattLeDIM: not measured, ../shared/data has no such series")
        return {}
    year = base()
    say(f"without leaks: {len(battledim.found_in(year))} told")
    verdicts = []
    for seed in range(first, first + count):
        verdicts.append(replayed(year, seed))
        say(f"order {seed:3d}: {_sums(verdicts[-1:])}")
    say(f"all of them: {_sums(verdicts)}")
    large = [one for v in verdicts for one in v.leaks if one.kind == ABRUPT and one.lps >= LARGE]
    seen = sum(
        any(fits(one, told) for told in v.bursts)
        for v in verdicts
        for one in v.leaks
        if one.kind == ABRUPT and one.lps >= LARGE
    )
    say(
        f"abrupt ones of {LARGE:g} L/s or more, whatever else their burst may be of:"
        f" {seen} of {len(large)}"
    )
    return {
        "district.replays_found": sum(v.found() for v in verdicts) / sum(v.of() for v in verdicts),
        "district.replays_false_a_year": sum(len(v.false) for v in verdicts) / count,
    }


def _sums(verdicts: Sequence[Verdict]) -> str:
    parts = [
        f"{kind} {sum(v.found(kind) for v in verdicts)} of {sum(v.of(kind) for v in verdicts)}"
        for kind in (ABRUPT, INCIPIENT)
    ]
    return f"{', '.join(parts)}, false {sum(len(v.false) for v in verdicts)}"


if __name__ == "__main__":
    measure(print, *map(int, sys.argv[1:3]))
