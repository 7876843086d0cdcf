# SPDX-License-Identifier: MIT
"""`make campaign`, the link: 10,000 pulls and a million frames over bad lines, then a cut after
every byte of one session.

    run_link_campaign.py [TRANSFERS] [first seed]

build/campaign/link.json says what is done: an interrupted campaign of the same commit goes on. The
first wrong byte ends it. At the end comes build/campaign/link.txt.
"""

import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from link_faults import LOCKED, BadLine, Tally, bad_line, cut_and_resume, node_with_log, transfer
from lockstep import Lockstep
from measured import commit, keep, text_block
from relay import Faults
from rich.progress import Progress
from run_campaign import FOLDER

from tirta.files.atomic import write
from tirta.link.serial_line import NO_UART
from tirta.node import Node
from tirta.pull.pull import pull

STATE = FOLDER / "link.json"
TRANSFERS, FRAMES = 10_000, 1_000_000
RECORDS, FEW_RECORDS = 8000, 100
EACH = 100  # transfers or cuts between two notes of the state
MEMORY = Path("/dev/shm")  # where nothing is flushed: a campaign outlives no power cut


def load(seed: int) -> dict[str, Any]:
    """Where the last campaign of this commit stopped, or a fresh one."""
    fresh = {"commit": commit(), "first": seed, "cuts": 0, "seconds": 0.0, "tally": asdict(Tally())}
    if STATE.exists():
        state: dict[str, Any] = json.loads(STATE.read_text())
        if (state["commit"], state["first"]) == (fresh["commit"], seed):
            return state
    return fresh


class Notes:
    """Keeps the state, and how long all of it took."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        self._since = time.monotonic()

    def keep(self, **changes: Any) -> None:
        now = time.monotonic()
        self.state |= changes
        self.state["seconds"] += now - self._since
        self._since = now
        write(STATE, json.dumps(self.state).encode())


def transfers(node: Lockstep, folder: Path, notes: Notes, wanted: int, progress: Progress) -> None:
    """Pulls over bad lines until there were enough, and enough frames."""
    tally = Tally(**notes.state["tally"])
    enough = FRAMES * wanted // TRANSFERS
    task = progress.add_task("transfers", total=wanted, completed=tally.transfers)
    while tally.transfers < wanted or tally.frames < enough:
        transfer(node, folder / "one", notes.state["first"] + tally.transfers, tally)
        if tally.wrong:
            raise SystemExit("link: " + tally.wrong[0])
        progress.update(task, completed=tally.transfers)
        if tally.transfers % EACH == 0:
            notes.keep(tally=asdict(tally))
    notes.keep(tally=asdict(tally))


def cuts(node: Lockstep, folder: Path, notes: Notes, step: int, progress: Progress) -> None:
    """A pulled cable after each byte of one session, or each `step`-th."""
    with bad_line(Faults(), 1), Node("lockstep", NO_UART) as one:
        pull(one, folder / "whole")
    at = notes.state["cuts"]
    task = progress.add_task("cuts", total=BadLine.passed, completed=at)
    while cut_and_resume(node, folder / "cut", at + step):
        at += step
        progress.update(task, completed=at)
        if at // step % EACH == 0:
            notes.keep(cuts=at)
    notes.keep(cuts=at)


def summary(state: dict[str, Any]) -> str:
    """For a person."""
    tally = Tally(**state["tally"])
    return (
        f"{tally.transfers:,} pulls, every {LOCKED}th of a locked node, over lines with 1e-6 to"
        f" 1e-2 flipped, dropped, doubled or late bytes: {tally.bytes:,} bytes,"
        f" {tally.hits:,} hits, {tally.frames:,} frames, {tally.damaged:,} of them damaged\n"
        f"the same bytes by SHA-256: {tally.same:,}, one clean error: {tally.errors:,}, wrong: 0\n"
        f"cable pulled after each byte up to {state['cuts']:,} of a session and pulled again:"
        f" nothing lost, nothing doubled\n"
        f"commit {state['commit'][:12]}, {state['seconds'] / 60:.0f} minutes\n"
    )


def main() -> int:
    """Run to the end, or to the first failure."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else TRANSFERS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    notes = Notes(load(seed))
    place = MEMORY if MEMORY.is_dir() else None
    with Progress() as progress, tempfile.TemporaryDirectory(dir=place) as name:
        folder = Path(name)
        with node_with_log(RECORDS) as node:
            transfers(node, folder, notes, wanted, progress)
        with node_with_log(FEW_RECORDS) as node:
            cuts(node, folder, notes, max(1, TRANSFERS // wanted // 4), progress)
    (FOLDER / "link.txt").write_text(summary(notes.state))
    keep("link", text_block(summary(notes.state).splitlines()))
    print(summary(notes.state), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
