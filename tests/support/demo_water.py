# SPDX-License-Identifier: MIT
"""The demo's water as a node's archive, without the node: what `make demo` surveys at any hour of
any weekday.

A record's pulses are those of the scenario's minute; the minutes that the node samples when the
scenario has ended have none. The water of each hour differs in its shape alone, so that chance is
drawn once.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path

import numpy as np
from district_archive import Channel, write_node

from tirta.demo import cable_act
from tirta.district import tree
from tirta.district.signal import Floats
from tirta.district.survey import survey
from tirta.virtual.demo_config import Water, demo_district
from tirta.virtual.inlet import LITRES_PER_PULSE, Inlet

NODE = "02fb6be30000"
_WEEK_MIN = 7 * 1440
_LARGE = 1e7  # L/s, of which a pulse is next to nothing
_START_S = 60.0  # from the beginning of the scenario until the first record, and a little
_FIRST_S = 16.0  # what writing the application to the node takes
_PRESSURE_M = 40.0


class _Even(Inlet):
    """Water whose demand has the same shape in each minute: what is left is chance."""

    def _shape(self, minute: int) -> float:
        return 1.0


@dataclass(frozen=True)
class Run:
    """One run of the demo: when it began, what its leak takes, the seed of its chance, and how many
    minutes the node went on when the scenario had ended.
    """

    now: datetime
    flow_l_s: float = 5.0
    seed: int = 1
    extra: int = 1

    @property
    def water(self) -> Water:
        """The water of the demo then, with this leak."""
        return Water(self.now, leak_l_s=self.flow_l_s)

    def pulses(self) -> Floats:
        """Return the pulses of each minute of its scenario."""
        water = self.water
        inlet = water.inlet
        minute = np.arange(water.minutes)
        demand = _shapes()[(minute + inlet.begin_min) % _WEEK_MIN] * _chance(
            self.seed, water.minutes
        )
        leak = water.burst.flow_l_s * (minute >= water.burst.start_min)
        flow = inlet.mean_l_s * demand + inlet.leakage_l_s + leak
        counter = np.floor(np.cumsum(flow * 60) / LITRES_PER_PULSE + 1e-9)
        made = np.diff(counter, prepend=0.0)
        made[0] = 0.0  # the meter rests: see demo_config
        return np.asarray(made)

    def said_wrong(self, folder: Path) -> list[str]:
        """Return what the page does not say of the leak, as the demo judges it."""
        pulses = np.concatenate([self.pulses(), np.zeros(self.extra)])
        archive, file = folder / "archive", folder / "district.toml"
        write_node(
            archive,
            NODE,
            [
                Channel("flow", "flow", "pulses", pulses, ml=LITRES_PER_PULSE * 1000),
                Channel("p_critical", "pressure", "m", np.full(len(pulses), _PRESSURE_M)),
            ],
            start_s=self.now.timestamp() + _FIRST_S - 60.0 * self.water.minutes - _START_S,
        )
        demo_district(file, NODE, str(self.now.tzinfo))
        return cable_act.leak_mistakes(survey(archive, tree.load(file)), self.water)


@cache
def _chance(seed: int, minutes: int) -> Floats:
    even = replace(_Even(seed=seed), mean_l_s=_LARGE, leakage_l_s=0.0)
    pulses = np.array([row[1] for row in even.rows(minutes)])
    return np.asarray(pulses * LITRES_PER_PULSE / 60 / _LARGE)


@cache
def _shapes() -> Floats:
    return np.array([Inlet()._shape(minute) for minute in range(_WEEK_MIN)])
