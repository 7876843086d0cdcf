# SPDX-License-Identifier: MIT
"""`make campaign`: a million power cuts and as much damage as fits beside them, seed after seed.

    run_campaign.py [CUTS] [first seed]

What is done lies in build/campaign/state.json: an interrupted campaign goes on behind the last
whole seed. The first failure ends it and leaves what was reported, and the flash. At the end come
build/campaign/summary.txt and build/powercut.json.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import flips
from campaign import events, keep_counts
from format_reader import PAGE_BYTES
from oracle import PowerOracle
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from support import CHECKOUT

from tirta.atomic import write

FOLDER = CHECKOUT / "build/campaign"
STATE = FOLDER / "state.json"
RECORDS = 2000
BLOCKS = 7
FLIPS = 150  # beside each run
CUTS = 1_000_000
SEED = 1


def fresh(seed: int) -> dict[str, Any]:
    """Nothing was done yet. `seed` is the next one."""
    return {
        "commit": commit(), "first": seed, "seed": seed, "seconds": 0.0, "cuts": 0, "images": 0,
        "losses": 0, "flips": 0, "flips_that_cost": 0, "numbers_given_again": 0,
    }  # fmt: skip


def commit() -> str:
    """What is checked out."""
    command = ["git", "-C", str(CHECKOUT), "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def load(seed: int) -> dict[str, Any]:
    """Where the last campaign of this commit stopped, or a fresh one."""
    if STATE.exists():
        state: dict[str, Any] = json.loads(STATE.read_text())
        if (state["commit"], state["first"]) == (commit(), seed):
            return state
    return fresh(seed)


def one_seed(state: dict[str, Any], tell: Any) -> None:
    """Every cut of one run, and flipped bits."""
    seed = state["seed"]
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
            tell(event.get("cuts", 0))
            end = event
    assert end.get("end"), "the run ended before its end"
    found = flips.judge(seed, FLIPS)
    state["cuts"] += end["cuts"]
    state["images"] += oracle.judged
    state["losses"] += oracle.losses
    state["flips"] += found.trials
    state["flips_that_cost"] += found.hurt
    state["numbers_given_again"] += found.again
    state["seed"] = seed + 1


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
        f"{state['seconds'] / 3600:.1f} h, commit {state['commit'][:12]}\n"
    )


def main() -> int:
    """Run to the end, or to the first failure."""
    cuts = int(sys.argv[1]) if len(sys.argv) > 1 else CUTS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else SEED
    FOLDER.mkdir(parents=True, exist_ok=True)
    state = load(seed)
    columns = (
        TextColumn("seed {task.fields[seed]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress:
        task = progress.add_task("cuts", total=cuts, completed=state["cuts"], seed=state["seed"])
        while state["cuts"] < cuts:
            start = time.monotonic()
            done = state["cuts"]
            one_seed(state, lambda n, done=done: progress.update(task, completed=done + n))
            state["seconds"] += time.monotonic() - start
            write(STATE, json.dumps(state, indent=1).encode())
            progress.update(task, completed=state["cuts"], seed=state["seed"])
    Path(FOLDER / "summary.txt").write_text(summary(state))
    keep_counts(state["cuts"])
    print(summary(state), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
