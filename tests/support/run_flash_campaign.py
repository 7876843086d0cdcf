# SPDX-License-Identifier: MIT
"""`make campaign`, the flash that errs: 200,000 faults of the classes that the node
bears, seed after seed.

    run_flash_campaign.py [FAULTS] [first seed]

A core works on a seed; build/campaign/flash.json says what is done, and an interrupted campaign of
the same commit goes on behind the last whole seeds. Each trial that breaks a rule is printed and
counted, and it goes on; then it ends with 1. At the end come build/campaign/flash.txt and
build/flashfault.json.
"""

import json
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from fault_oracle import FaultOracle
from fault_trials import judge, keep_figures, report
from measured import commit, keep, text_block
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from run_campaign import FOLDER, JOBS

from tirta.files.atomic import write

STATE = FOLDER / "flash.json"
# Trials of a seed, by what draws them (tests/micropython/fault_plans.py).
DRAWS = {"draw": 2000, "draw_elsewhere": 600, "draw_worn": 100, "draw_warm": 100}
DRAWS |= {"draw_causes": 100, "draw_cuts": 100}
FAULTS = 200_000
EXAMPLES, WIDTH = 9, 2000


def load(seed: int) -> dict[str, Any]:
    """Where the last campaign of this commit stopped, or a fresh one."""
    if STATE.exists():
        state: dict[str, Any] = json.loads(STATE.read_text())
        if (state["commit"], state["first"]) == (commit(), seed):
            return state
    counts = dict.fromkeys(FaultOracle.COUNTS, 0)
    state = {"commit": commit(), "first": seed, "seed": seed, "seconds": 0.0, "counts": counts}
    return state | {"most_erases": 0, "minutes": 0, "found": {}}


def one_seed(seed: int) -> dict[str, FaultOracle]:
    """What the oracle found, without what it read, by what drew the trials."""
    found = {draw: judge(seed, 0, trials, draw=draw) for draw, trials in DRAWS.items()}
    for oracle in found.values():
        oracle.forget()
    return found


def take(state: dict[str, Any], seed: int, draw: str, oracle: FaultOracle) -> None:
    """Add what was found to `state`; print what broke a rule."""
    if oracle.found:
        print(f"seed {seed}, {draw}:", *report(oracle, EXAMPLES, WIDTH), sep="\n")
        state["found"] = dict(Counter(state["found"]) + oracle.found)
    state["counts"] = dict(Counter(state["counts"]) + oracle.counts)
    state["most_erases"] = max(state["most_erases"], oracle.most_erases)
    state["minutes"] = max(state["minutes"], oracle.minutes)


def summary(state: dict[str, Any]) -> str:
    """For a person."""
    counts = state["counts"]
    broken = ", ".join(f"{rule} {n}" for rule, n in state["found"].items()) or "none"
    return (
        f"{counts['trials']:,} trials of a flash that errs (seeds {state['first']} to"
        f" {state['seed'] - 1}): {counts['hit']:,} faults hit the node, {counts['borne']:,} of the"
        f" classes that it bears (firmware/DESIGN.md),"
        f" {counts['restarted']:,} with a power cut or a restart, {counts['hurt']:,} in cells"
        f" that nobody had named\n"
        f"rules that these broke, and in how many trials: {broken}\n"
        f"erases in one attempt: at most {state['most_erases']}; on sound flash the node was well"
        f" again within {state['minutes']} minutes\n"
        f"{state['seconds'] / 60:.0f} minutes, commit {state['commit'][:12]}\n"
    )


def main() -> int:
    """Run to the end; 1 when a rule was broken."""
    faults = int(sys.argv[1]) if len(sys.argv) > 1 else FAULTS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    state = load(seed)
    columns = (
        TextColumn("faults, seeds from {task.fields[seed]}"), BarColumn(), MofNCompleteColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns) as progress, ProcessPoolExecutor(JOBS) as pool:
        done = state["counts"]["borne"]
        task = progress.add_task("faults", total=faults, completed=done, seed=state["seed"])
        while state["counts"]["borne"] < faults:
            start = time.monotonic()
            seeds = range(state["seed"], state["seed"] + JOBS)
            for seed_of, found in zip(seeds, pool.map(one_seed, seeds), strict=True):
                for draw, oracle in found.items():
                    take(state, seed_of, draw, oracle)
            state["seed"] += JOBS
            state["seconds"] += time.monotonic() - start
            write(STATE, json.dumps(state, indent=1).encode())
            progress.update(task, completed=state["counts"]["borne"], seed=state["seed"])
    (FOLDER / "flash.txt").write_text(summary(state))
    keep("flash", text_block(summary(state).splitlines()))
    keep_figures(state["counts"], state["found"], state["most_erases"])
    print(summary(state), end="")
    return int(bool(state["found"]))


if __name__ == "__main__":
    sys.exit(main())
