# SPDX-License-Identifier: MIT
"""The bursts of a year of L-Town (BattLeDIM), from flows alone, against its leaks.

`python tests/bench/battledim.py [FOLDER]`; FOLDER has flows_*.csv (Timestamp, p227, p235, PUMP_1
in m3/h) and leaks_*.csv (pipe, start, end, diameter_m, type, peak), as those of 2018 in
../shared/data/battledim2018.
The inflow is p227 + p235; what the pump takes to the tank of the lower zone is taken off, and
judged as a zone of its own.
"""

import csv
import math
import sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from burst_judge import ABRUPT, INCIPIENT, Found, Leak, Verdict, judge
from figures import Figures, Say

from tirta.district.burst import Burst, bursts
from tirta.district.meters import Meters, net_flow
from tirta.district.night import NightWindow, nights
from tirta.district.signal import GOOD, Signal

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT.parent / "shared" / "data" / "battledim2018"
WINDOW = NightWindow(ZoneInfo("UTC"))  # its clock knows no zone
HEAD_M = 45.0  # about the mean of L-Town; a leak's size follows its root


def flows(folder: Path) -> dict[str, Signal]:
    """The three flows in L/s."""
    (path,) = folder.glob("flows_*.csv")
    with path.open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    at = [datetime.fromisoformat(row["Timestamp"]).replace(tzinfo=UTC) for row in rows]
    begin_s = np.array([one.timestamp() for one in at])
    step_s = float(np.median(np.diff(begin_s)))
    number = np.arange(len(rows))
    return {
        name: Signal(
            name, "flow", "L/s", step_s, begin_s + step_s,
            np.array([float(row[name]) for row in rows]) / 3.6,
            np.full(len(rows), GOOD, np.uint8), np.ones(len(rows), np.int64), number,
        )
        for name in ("p227", "p235", "PUMP_1")
    }  # fmt: skip


def leaks(folder: Path) -> list[Leak]:
    """What was put in: a hole of d metres at head h loses 0.75 pi/4 d2 sqrt(2 g h) m3/s."""
    (path,) = folder.glob("leaks_*.csv")
    found = []
    with path.open(encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            start, end, peak = (
                datetime.fromisoformat(row[key]).replace(tzinfo=UTC).timestamp()
                for key in ("start", "end", "peak")
            )
            lps = 750 * math.pi / 4 * float(row["diameter_m"]) ** 2 * math.sqrt(2 * 9.81 * HEAD_M)
            found.append(Leak(row["pipe"], start, end, lps, row["type"], peak))
    return found


def found_in(signals: dict[str, Signal]) -> list[Burst]:
    """The bursts of the town without the lower zone, and of the lower zone."""
    pump = signals["PUMP_1"]
    town = net_flow(Meters([signals["p227"], signals["p235"]], [], [pump], [], None), "town")
    assert town is not None
    zones = (town, pump)
    return [one for flow in zones for one in bursts(flow, None, nights(flow, None, WINDOW), WINDOW)]


def judged(folder: Path) -> Verdict:
    """The bursts of a folder's flows against its leaks."""
    told = [Found(b.start_s, b.size_lps, b.end_s) for b in found_in(flows(folder))]
    return judge(leaks(folder), sorted(told, key=lambda one: one.start_s))


def table(verdict: Verdict) -> list[str]:
    """One line a leak, one a false burst."""
    pairs = dict(verdict.pairs)
    lines = ["pipe   kind       start             L/s    found             late, h   L/s   end, h"]
    for place, leak in enumerate(verdict.leaks):
        line = f"{leak.name:6} {leak.kind:9}  {_time(leak.start_s)}  {leak.lps:5.2f}"
        if place in pairs:
            burst = verdict.bursts[pairs[place]]
            late = (burst.start_s - leak.start_s) / 3600
            line += f"   {_time(burst.start_s)}  {late:+7.1f}  {burst.lps:5.2f}"
            if burst.end_s is not None:
                line += f"  {(burst.end_s - leak.end_s) / 3600:+6.1f}"
        lines.append(line)
    for place in verdict.false:
        burst = verdict.bursts[place]
        lines.append(f"false{'':34}  {_time(burst.start_s)} {'':9} {burst.lps:5.2f}")
    return lines


def _time(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M")


def measure(say: Say, folder: Path = FOLDER) -> Figures:
    """Keys district.battledim_*; nothing where the data is absent."""
    if not folder.exists():
        say("BattLeDIM: not measured, ../shared/data has no such series")
        return {}
    verdict = judged(folder)
    for line in table(verdict):
        say(line)
    delays = [
        d for d, (k, _) in zip(verdict.delays_h(), verdict.pairs, strict=True)
        if verdict.leaks[k].kind == ABRUPT
    ]  # fmt: skip
    figures = {
        "district.battledim_abrupt_found": float(verdict.found(ABRUPT)),
        "district.battledim_incipient_found": float(verdict.found(INCIPIENT)),
        "district.battledim_false": float(len(verdict.false)),
    }
    if delays:
        figures["district.battledim_abrupt_delay_median_h"] = float(np.median(np.abs(delays)))
    say(
        f"abrupt {verdict.found(ABRUPT)} of {verdict.of(ABRUPT)}, incipient"
        f" {verdict.found(INCIPIENT)} of {verdict.of(INCIPIENT)}, false {len(verdict.false)}"
    )
    return figures


if __name__ == "__main__":
    measure(print, Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
