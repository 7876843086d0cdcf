# SPDX-License-Identifier: MIT
"""`make campaign`: a million power cuts and as much damage as fits beside them, seed after seed.

    run_campaign.py [CUTS] [first seed]

A core works on a seed; what is done lies in build/campaign/state.json, and an interrupted campaign
goes on behind the last whole seeds. The first failure ends it and leaves what was reported, and the
flash. At the end come build/campaign/summary.txt and build/powercut.json.
"""

import json
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import flips
import out_of_order
import update_cut_runs
from campaign import events, keep_counts
from format_reader import PAGE_BYTES
from measured import commit, keep, text_block
from oracle import PowerOracle
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from support import CHECKOUT

from tirta.files.atomic import write

FOLDER = CHECKOUT / "build/campaign"
STATE = FOLDER / "state.json"
RECORDS = 2000
BLOCKS = 7
UPDATE_STRIDE = 29  # second cuts in an update: over 10,000 cuts a seed, in each tenth seed
UPDATE_SEEDS = 10
FLIPS = 150  # beside each run
OUT_OF_ORDER = 300  # records beside each run, looked at behind every second program
CUTS = 1_000_000
SEED = 1
JOBS = os.cpu_count() or 1


def fresh(seed: int) -> dict[str, Any]:
    """Nothing was done yet. `seed` is the next one."""
    return {
        "commit": commit(), "first": seed, "seed": seed, "seconds": 0.0, "cuts": 0, "images": 0,
        "losses": 0, "flips": 0, "flips_that_cost": 0, "numbers_given_again": 0,
        "update_cuts": 0, "update_starts": 0,
        "out_of_order": 0, "out_of_order_that_cost": 0,
    }  # fmt: skip


def load(seed: int) -> dict[str, Any]:
    """Where the last campaign of this commit stopped, or a fresh one."""
    if STATE.exists():
        state: dict[str, Any] = json.loads(STATE.read_text())
        if (state["commit"], state["first"]) == (commit(), seed):
            return state
    return fresh(seed)


def one_seed(seed: int, updates: bool) -> dict[str, int]:
    """Every cut of one run, and the damage beside it: what was counted."""
    oracle = PowerOracle()
    end: dict[str, Any] = {}
    code = f"import power_cuts\npower_cuts.main({seed}, {RECORDS})"
    with events(code, BLOCKS * PAGE_BYTES) as told:
        for event, image in told:
            try:
                oracle.take(event, image)
            except AssertionError:
                (FOLDER / f"failed-{seed}.bin").write_bytes(image)
                raise
            end = event
    assert end.get("end"), "the run ended before its end"
    found = flips.judge(seed, FLIPS)
    late = out_of_order.judge(seed, OUT_OF_ORDER, 2)
    counts = {
        "cuts": end["cuts"], "images": oracle.judged, "losses": oracle.losses,
        "flips": found.trials, "flips_that_cost": found.hurt, "numbers_given_again": found.again,
        "out_of_order": late.trials, "out_of_order_that_cost": late.hurt,
    }  # fmt: skip
    if updates:
        with tempfile.TemporaryDirectory() as folder:
            tried = update_cut_runs.cut(Path(folder), seed, UPDATE_STRIDE)
        counts.update(update_cuts=tried["cuts"], update_starts=tried["starts"])
    return counts


def summary(state: dict[str, Any]) -> str:
    """For a person."""
    seeds = state["seed"] - state["first"]
    return (
        f"{state['cuts']:,} power cuts in {seeds} runs of {RECORDS:,} records"
        f" (seeds {state['first']} to {state['seed'] - 1}), {state['images']:,} images judged\n"
        f"acknowledged records lost or altered: 0, invented: 0, numbers used twice: 0\n"
        f"cuts that took records nobody had acknowledged: {state['losses']:,}, each within the"
        f" bound that the node gave\n"
        f"{state['flips']:,} times 1 to 40 flipped bits: {state['flips_that_cost']:,} cost records,"
        f" all in pages that were hit; none altered, none invented;\n"
        f"in {state['numbers_given_again']:,} the damage looked like what a power cut leaves, and"
        f" numbers were given again\n"
        f"{state['out_of_order']:,} programs that the flash did after the next one:"
        f" {state['out_of_order_that_cost']:,} cost records, all in their page\n"
        f"{state['update_cuts']:,} cuts in updates, {state['update_starts']:,} starts: the old"
        f" application or the new one, whole, at each\n"
        f"{state['seconds'] / 3600:.1f} h, commit {state['commit'][:12]}\n"
    )


def main() -> int:
    """Run to the end, or to the first failure."""
    cuts = int(sys.argv[1]) if len(sys.argv) > 1 else CUTS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else SEED
    FOLDER.mkdir(parents=True, exist_ok=True)
    state = load(seed)
    columns = (
        TextColumn("seeds from {task.fields[seed]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress, ProcessPoolExecutor(JOBS) as pool:
        task = progress.add_task("cuts", total=cuts, completed=state["cuts"], seed=state["seed"])
        while state["cuts"] < cuts:
            start = time.monotonic()
            seeds = range(state["seed"], state["seed"] + JOBS)
            updates = [(n - state["first"]) % UPDATE_SEEDS == 0 for n in seeds]
            for counts in pool.map(one_seed, seeds, updates):
                for name, n in counts.items():
                    state[name] += n
            state["seed"] += JOBS
            state["seconds"] += time.monotonic() - start
            write(STATE, json.dumps(state, indent=1).encode())
            progress.update(task, completed=state["cuts"], seed=state["seed"])
    Path(FOLDER / "summary.txt").write_text(summary(state))
    keep("cuts", text_block(summary(state).splitlines()))
    keep_counts(state["cuts"])
    print(summary(state), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
