# SPDX-License-Identifier: MIT
"""The node's burst alarm (tirta_node/alarms/burst.py and hours.py) over generated districts and
over ../shared/data/wntr_dma: how often and how soon it finds a burst, and how often it is wrong.

`python tests/bench/burst_node.py [FIRST] [COUNT]`; some 0.5 s a district.
"""

import csv
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / "tests" / "support"), str(ROOT / "firmware")]

from district_truth import district  # noqa: E402
from figures import Say  # noqa: E402
from week_towns import Town, town  # noqa: E402

from tirta_node.alarms.burst import Burst  # noqa: E402
from tirta_node.alarms.night_hours import Hours  # noqa: E402

SIZES = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
FIRST, COUNT = 1000, 60  # towns; 0 to 119 were looked at while it was tuned
FROM_S = 1_577_836_800  # 2020, from which a node counts seconds
RISE_PULSES = 36  # 0.1 L/s for an hour, 10 L a pulse
DMA = ROOT.parent / "shared" / "data" / "wntr_dma" / "dma_dev.csv"
ALARM = {"from_h": 0, "to_h": 5, "utc_min": 420, "least": 500}


def raised(
    unix_s: Any, pulses: Any, pressure_cm: Any = None, alarm: dict[str, Any] = ALARM
) -> list[tuple[int, int]]:
    """(raised, over) in Unix seconds, of records a minute; over is 0 while it lasts."""
    burst: Any = Burst
    judge = burst(alarm["to_h"] - alarm["from_h"], RISE_PULSES)
    hour_maker: Any = Hours
    pressure = None if pressure_cm is None else (1, 60_000)
    hours = hour_maker(alarm, judge, (0, 60_000), True, pressure)
    found: list[tuple[int, int]] = []
    before = False
    flags = (1, 1)
    for i, at in enumerate(unix_s):
        value = int(pulses[i])
        values = (value, 0 if pressure_cm is None else int(pressure_cm[i]))
        on = hours.take(int(at) - FROM_S, value, 1, values, flags)
        if on and not before:
            found.append((int(at), 0))
        elif before and not on:
            found[-1] = (found[-1][0], int(at))
        before = on
    return found


def dma() -> tuple[float, int]:
    """(hours from the opening to the alarm, alarms that were none) of the shared series."""
    start = int(datetime(2025, 3, 3, tzinfo=UTC).timestamp())
    with DMA.open() as file:
        rows = list(csv.DictReader(file))
    unix_s = [start + 60 * (int(row["minute"]) + 1) for row in rows]
    pressure = [float(row["p_critical_m"]) * 100 for row in rows]
    found = raised(unix_s, [int(r["pulses"]) for r in rows], pressure, {**ALARM, "utc_min": 0})
    opens, repaired = start + 60 * 28957, start + 60 * 35112
    right = [at for at, _ in found if opens <= at <= repaired]
    delay_h = (right[0] - opens) / 3600 if right else np.nan
    return delay_h, sum(not opens <= at <= repaired for at, _ in found)


def week(seed: int, size: float) -> tuple[float, int]:
    """The same of a town with weekdays, holidays and a season."""
    made = town(seed, size)
    found = of_town(made)
    delay = [at - made.start_s for at, _ in found if size and made.start_s <= at <= made.end_s]
    wrong = sum(not (size and made.start_s <= at <= made.end_s) for at, _ in found)
    return (delay[0] / 3600 if delay else np.nan), wrong


def of_town(made: Town) -> list[tuple[int, int]]:
    """(raised, over) of one that tells its node the holidays."""
    off = [(day - date(2020, 1, 1)).days for day in made.holidays]
    alarm = {**ALARM, "holidays": [day for first in off for day in (first, first)]}
    return raised(made.flow.time_s, made.pulses, made.pressure.value * 100, alarm)


def scenario(seed: int, size: float) -> tuple[float, int]:
    """(hours to the alarm, NaN when none came; alarms that were none) of one district."""
    made = district(seed, burst_lps=size)
    found = raised(
        made.flow.time_s,
        made.pulses,
        np.where(np.isnan(made.pressure.value), 0, made.pressure.value * 100),
    )
    opens, repaired = made.truth.burst_start_s, made.truth.burst_end_s
    delay = [at - opens for at, _ in found if size and opens <= at <= repaired]
    wrong = sum(not (size and opens <= at <= repaired) for at, _ in found)
    return (delay[0] / 3600 if delay else np.nan), wrong


def measure(say: Say, first: int = FIRST, count: int = COUNT) -> None:
    """What the node's own alarm finds in towns that it was not tuned on: a line for each size."""
    if DMA.exists():
        say("wntr_dma: raised {:.1f} h after the opening, {} false".format(*dma()))
    for name, one in (("districts", scenario), ("towns", week)):
        say(f"{name:10} found  within 24 h  median h  false (months: {count})")
        for size in (0.0, *SIZES):
            rows = [one(first + i, size) for i in range(count)]
            hours = np.array([hour for hour, _ in rows])
            seen = hours[~np.isnan(hours)]
            middle = f"{np.median(seen):8.1f}" if len(seen) else "       -"
            soon, false = int((seen <= 24).sum()), sum(wrong for _, wrong in rows)
            say(f"{size:4.2f} L/s  {len(seen):6d}  {soon:11d}  {middle}  {false}")


def main() -> None:
    """Print the curve."""
    measure(print, *map(int, sys.argv[1:3]))


if __name__ == "__main__":
    main()
