# SPDX-License-Identifier: MIT
"""What is known of one zone over a period."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from tirta.district import leakage as leak
from tirta.district import supply
from tirta.district.acknowledged import Acknowledged
from tirta.district.balance import Balance, Volume
from tirta.district.burst import Burst
from tirta.district.iwa import Unavoidable, WaterBalance
from tirta.district.night import Night, Reported
from tirta.district.period import Period
from tirta.district.signal import Signal
from tirta.district.tree import Zone
from tirta.water.definitions import BURST


@dataclass
class ZoneFigures:
    """What is known of a zone. Lists of days have one entry for each day of the period."""

    zone: Zone
    inlets: list[Signal]
    net: Signal | None = None  # in, minus out, minus zones below; L/s
    pressure: Signal | None = None
    inflow: Volume | None = None
    daily_m3: list[float | None] = field(default_factory=list)  # None: not all of the day is there
    nights: list[Night] = field(default_factory=list)
    reported: list[Reported] = field(default_factory=list)
    leakage: leak.Leakage | None = None
    no_leakage: str = ""
    bursts: list[Burst] = field(default_factory=list)
    acknowledged: Sequence[Acknowledged] = ()  # what operators said, of all zones
    changes: list[Burst] = field(default_factory=list)  # rises that one of those explains
    balance: Balance | None = None
    billed_m3: float | None = None
    no_billing: str = ""  # why what was billed cannot be set against the inflow
    water_balance: WaterBalance | None = None
    unavoidable: Unavoidable | None = None
    ili: float | None = None  # infrastructure leakage index
    backflow: list[tuple[Signal, supply.Spell]] = field(default_factory=list)
    outages: list[supply.Spell] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What a person calls the zone."""
        return self.zone.title

    @property
    def judged_from_s(self) -> float:
        """Bursts can be seen from the night on that begins here; infinite with too few nights."""
        counted = [night for night in self.nights if night.counts]
        least = BURST.nights_at_least
        return counted[least].start_s if len(counted) > least else math.inf


def last_reported(found: ZoneFigures, period: Period) -> Reported | None:
    """Return the night flow that stands at the end of the period."""
    inside = [r for r in found.reported if period.first <= r.day <= period.last]
    return inside[-1] if inside else None
