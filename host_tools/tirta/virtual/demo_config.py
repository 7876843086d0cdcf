# SPDX-License-Identifier: MIT
"""The demo's config, its water (a district inlet that springs a leak), and its district file."""

import csv
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tirta import config
from tirta.errors import TirtaError
from tirta.virtual.inlet import Inlet, SimulatedBurst, write

DEMO_CONFIG = Path(__file__).resolve().with_name("demo.toml")
DEMO_DAYS = 7
_DAY_MIN = 1440
_DISTRICT = """\
# SPDX-License-Identifier: MIT
# Which meter stands for which zone, for `tirta report` and `tirta district`.
version = 1
name = "Kota Contoh"
time_zone = "{zone}"

[[zone]]
id = "z7"
name = "District 7"
in = ["{node}/flow"]
pressure = "{node}/p_critical"
connections = 3600
litres_per_connection_h = 1.8  # at night; the demo's people use just that

[[node]]
id = "{node}"
name = "Inlet district 7"
zone = "z7"
"""


def demo_text(board: str) -> bytes:
    """Return the demo's config as a node of that board keeps it (FORMAT.md section 8)."""
    text, meant = config.load(DEMO_CONFIG)
    if meant.name != board:
        raise TirtaError(
            f"The demo's config is for board {meant.name}, not for {board}.",
            "Start the node bare, then: tirta flash NAME --board B --config FILE",
        )
    return text


def demo_scenario(path: Path) -> None:
    """Write a week of water as CSV; the leak begins in its fifth night."""
    burst = SimulatedBurst(4 * _DAY_MIN + 130, 1.8)
    _write(path, DEMO_DAYS * _DAY_MIN, Inlet(burst=burst))


@dataclass(frozen=True)
class Water:
    """Days of water that end about now, by the clocks of its town: nights are nights there.

    A leak is found against the nights before it, at least seven: it begins at ten past two in the
    first night behind eight whole days. At least four whole nights have it, at whatever hour this
    ends: with two a leak may pass for odd nights.
    """

    now: datetime  # in the town's zone
    days: int = 14
    leak_l_s: float = 5.0

    @property
    def minutes(self) -> int:
        """How long the scenario is."""
        return self.days * _DAY_MIN

    @property
    def burst(self) -> SimulatedBurst:
        """The burst that it has, in the night of its ninth day."""
        into_day = self.now.hour * 60 + self.now.minute
        return SimulatedBurst(8 * _DAY_MIN + (130 - into_day) % _DAY_MIN, self.leak_l_s)

    @property
    def inlet(self) -> Inlet:
        """The zone's inlet, with that burst."""
        began = self.now - timedelta(days=self.days)
        minute = began.weekday() * _DAY_MIN + began.hour * 60 + began.minute
        return Inlet(begin_min=minute, burst=self.burst)

    def write(self, path: Path) -> None:
        """Write the scenario as CSV."""
        _write(path, self.minutes, self.inlet)


def demo_district(path: Path, node: str, zone: str) -> None:
    """Write the district file of that node's town."""
    path.write_text(_DISTRICT.format(node=node, zone=zone), encoding="utf-8")


def _write(path: Path, minutes: int, inlet: Inlet) -> None:
    """In the first minute the meter rests, for the water begins to flow with the self-test of a new
    config, before anything counts; and in a closing minute, so that what it gave is in records
    before the scenario ends.
    """
    write(path, minutes, inlet)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rows[0]["pulses"] = "0"
    rows.append(rows[-1] | {"minute": str(minutes), "pulses": "0"})
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
