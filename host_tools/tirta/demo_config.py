# SPDX-License-Identifier: MIT
"""The demo's config and water: a district inlet that springs a leak in its fifth night."""

import csv
from pathlib import Path

from tirta import config
from tirta.errors import TirtaError
from tirta.virtual.inlet import Burst, Inlet, write

DEMO_CONFIG = Path(__file__).resolve().parent / "data" / "demo.toml"
DEMO_DAYS = 7
_MINUTES = DEMO_DAYS * 1440
_BURST = Burst(start_min=4 * 1440 + 130, flow_l_s=1.8)


def demo_text(board: str) -> bytes:
    """The demo's config as a node of that board keeps it (FORMAT.md section 8)."""
    text, meant = config.load(DEMO_CONFIG)
    if meant.name != board:
        raise TirtaError(
            f"The demo's config is for board {meant.name}, not for {board}.",
            "Start the node bare, then: tirta flash NAME --board B --config FILE",
        )
    return text


def demo_scenario(path: Path) -> None:
    """Write a week of water as CSV, and a closing minute in which the meter rests: what it gave in
    the week is in records before the scenario ends.
    """
    write(path, _MINUTES, Inlet(burst=_BURST))
    with path.open(newline="") as file:
        *_, last = csv.DictReader(file)
    with path.open("a", newline="") as file:
        csv.writer(file).writerow((last | {"minute": str(_MINUTES), "pulses": "0"}).values())
