# SPDX-License-Identifier: MIT
"""The meters around a zone, and the flow that stays in it."""

from dataclasses import dataclass

import numpy as np

from tirta.district.signal import GOOD, Signal, blocks


@dataclass(frozen=True)
class Meters:
    """The signals around a zone: what enters, what leaves, what the zones below take."""

    inlets: list[Signal]
    outlets: list[Signal]
    below: list[Signal]
    reverse: list[Signal]
    pressure: Signal | None

    @property
    def all(self) -> list[Signal]:
        """Every meter: inlets, outlets, and those of the zones below."""
        return [*self.inlets, *self.outlets, *self.below]


def net_flow(meters: Meters, name: str) -> Signal | None:
    """Return what stays in a zone, in L/s: one inlet as it is, several meters on their coarsest
    grid.
    """
    if len(meters.all) == 1:
        return meters.inlets[0]
    known = [s for s in meters.all if len(s)]
    if not meters.inlets or len(known) < len(meters.all):
        return None
    interval_s = max(float(s.step_s.max()) for s in known)
    first_s = max(s.time_s[0] for s in known) - interval_s
    start_s = np.ceil(first_s / interval_s) * interval_s
    count = max(0, int((min(s.time_s[-1] for s in known) - start_s) // interval_s))
    total = np.zeros(count)
    for sign, group in ((1, meters.inlets), (-1, meters.outlets), (-1, meters.below)):
        for one in group:
            total += sign * blocks(one, start_s, interval_s, count)
    kept = ~np.isnan(total)
    return Signal(
        name, "net", "L/s", interval_s, (start_s + interval_s * np.arange(1.0, count + 1))[kept],
        total[kept], np.full(int(kept.sum()), GOOD, np.uint8), np.zeros(int(kept.sum()), np.int64),
        np.flatnonzero(kept), sum(s.quantum for s in known),
    )  # fmt: skip
