# SPDX-License-Identifier: MIT
"""What the power-cut tests of this commit found, from the summary that they leave behind."""

import json
import subprocess
from pathlib import Path

from figures import Figures, Say

CHECKOUT = Path(__file__).resolve().parents[2]
SUMMARY = CHECKOUT / "build" / "powercut.json"
KEYS = ("cuts", "acked_lost", "invented")


def commit() -> str:
    """The commit that is checked out, or nothing outside of git."""
    command = ["git", "-C", str(CHECKOUT), "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def measure(say: Say, summary: Path = SUMMARY) -> Figures:
    """`powercut.*`, only of a run of this commit."""
    try:
        told = json.loads(summary.read_text())
    except FileNotFoundError:
        say("power cuts: no summary; `make test` or `make campaign` writes one")
        return {}
    if not told.get("commit") or told["commit"] != commit():
        say("power cuts: the summary is of another commit; run `make test` again")
        return {}
    figures: Figures = {f"powercut.{key}": int(told[key]) for key in KEYS}
    say(", ".join(f"{key} {value:,}" for key, value in figures.items()))
    return figures
