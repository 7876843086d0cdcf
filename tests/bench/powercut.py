# SPDX-License-Identifier: MIT
"""What the tests of power cuts, a flash that errs and an uplink found in this commit, from the
summaries that they leave behind.
"""

import json
from pathlib import Path

from figures import Figures, Say
from measured import commit

CHECKOUT = Path(__file__).resolve().parents[2]
BUILD = CHECKOUT / "build"
KEYS = {
    "powercut": ("cuts", "acked_lost", "invented"),
    "flashfault": ("faults", "lost", "invented", "max_erases_per_attempt"),
    "uplink": ("faults", "lost", "doubled"),
}


def measure(say: Say, folder: Path = BUILD) -> Figures:
    """`powercut.*`, `flashfault.*` and `uplink.*`, only of runs of this commit."""
    figures: Figures = {}
    for name, keys in KEYS.items():
        try:
            told = json.loads((folder / f"{name}.json").read_text())
        except FileNotFoundError:
            say(f"{name}: no summary; `make test` or `make campaign` writes one")
            continue
        if not told.get("commit") or told["commit"] != commit():
            say(f"{name}: the summary is of another commit; run `make test` again")
            continue
        found: Figures = {f"{name}.{key}": int(told[key]) for key in keys}
        say(", ".join(f"{key} {value:,}" for key, value in found.items()))
        figures |= found
    return figures
