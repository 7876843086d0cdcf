# SPDX-License-Identifier: MIT
"""How far the district's figures are from the truth, over generated districts (DESIGN.md's table).

`python tests/bench/district_errors.py [FIRST] [COUNT]` takes some 50 ms a district.
"""

import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from district_truth import district

from tirta.district.burst import bursts
from tirta.district.leakage import NightUse, leakage
from tirta.district.night import NightWindow, nights, reported

WINDOW = NightWindow(ZoneInfo("Asia/Jakarta"))
CLASSES = ((0.5, 1.0), (1.0, 2.0), (2.0, 5.0))


def burst_errors(seeds: range) -> list[tuple[float, float, float]]:
    """(size put in, start error in h, relative size error) of each; NaN where it is not found."""
    found = []
    for seed in seeds:
        made = district(seed)
        all_nights = nights(made.flow, made.pressure, WINDOW)
        seen = bursts(made.flow, made.pressure, all_nights, WINDOW)
        true = made.truth
        near = min(seen, key=lambda b: abs(b.start_s - true.burst_start_s), default=None)
        hours = abs(near.start_s - true.burst_start_s) / 3600 if near else np.nan
        size = abs(near.size_lps / true.burst_lps - 1) if near else np.nan
        found.append((true.burst_lps, hours, size))
    return found


def quiet_months(seeds: range) -> tuple[int, int, int]:
    """Bursts that were not there; months whose leakage is in range; months with an estimate."""
    false = inside = told = 0
    for seed in seeds:
        made = district(seed, burst_lps=0.0)
        all_nights = nights(made.flow, made.pressure, WINDOW)
        false += len(bursts(made.flow, made.pressure, all_nights, WINDOW))
        weeks = reported(all_nights)
        if weeks:
            use = NightUse(made.truth.connections, made.truth.use_l_per_connection_h, 0, 0.1)
            flows = [n.flow_lps for n in weeks[-1].nights]
            result = leakage(flows, use, quantum_l=10)
            told += 1
            inside += result.low_lps <= made.truth.leak_lps <= result.high_lps
    return false, inside, told


def main() -> None:
    """Print the table."""
    first = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    errors = np.array(burst_errors(range(first, first + count)))
    print(
        "burst, L/s | districts | found | start within 1 h | median, worst h | size: median, worst"
    )
    for low, high in CLASSES:
        rows = errors[(errors[:, 0] >= low) & (errors[:, 0] < high)]
        seen = rows[~np.isnan(rows[:, 1])]
        print(
            f"{low} to {high} | {len(rows)} | {len(seen)} | {(seen[:, 1] <= 1).sum()} |"
            f" {np.median(seen[:, 1]):.2f}, {seen[:, 1].max():.1f} |"
            f" {np.median(seen[:, 2]):.1%}, {seen[:, 2].max():.1%}"
        )
    false, inside, told = quiet_months(range(first + 1000, first + 1000 + count))
    print(f"{count} months without a burst: {false} found; leakage in its range {inside} of {told}")


if __name__ == "__main__":
    main()
