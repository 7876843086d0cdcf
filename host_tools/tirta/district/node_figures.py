# SPDX-License-Identifier: MIT
"""The figures of one node over a period: what of its records is there, and what keeps limits."""

from dataclasses import dataclass, field

import numpy as np

from tirta.district import quality, supply
from tirta.district.figure import Figure, Figures
from tirta.district.meter_health import Fault
from tirta.district.period import Period
from tirta.district.quality import Compliance
from tirta.district.reading import NodeData
from tirta.district.signal import MISSING, Signal
from tirta.district.tree import Place
from tirta.water.limits import Limits


@dataclass(frozen=True)
class Judged:
    """One parameter of a node: the signal, and a verdict for each limit, the deciding one first."""

    parameter: str
    signal: Signal
    verdicts: list[Compliance]


@dataclass
class NodeFigures:
    """What is known of a node in the period. `daily` is the share of records of each day."""

    place: Place
    data: NodeData
    daily: list[float] = field(default_factory=list)
    holes: list[supply.TimeGap] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    faults: list[tuple[Signal, Fault]] = field(default_factory=list)  # of its flow meters

    @property
    def title(self) -> str:
        """What a person calls the node."""
        return self.place.name or self.data.name or self.data.node

    @property
    def completeness(self) -> float:
        """The mean share of records that are there, 0 to 1."""
        return float(np.mean(self.daily)) if self.daily else 0.0

    def count(self, kind: str) -> int:
        """Return how many events of a kind."""
        return sum(1 for event in self.data.events if event.kind == kind)


def node_figures(
    place: Place, data: NodeData, period: Period, limits: Limits, figures: Figures
) -> NodeFigures:
    """Compute and register everything about a node."""
    found = NodeFigures(place, data)
    signals = [s.cut(s.between(period.start_s, period.end_s)) for s in data.signals.values()]
    if signals:
        fullest = max(signals, key=len)
        edges = [period.start_s, *period.edges_s[1:-1], period.end_s]
        found.daily = supply.completeness(fullest, edges)
        found.holes = supply.holes(fullest, period.start_s, period.end_s)
        there = int(sum((s.flag != MISSING).sum() for s in signals))
        figures.add(
            Figure(
                f"{data.node}/completeness",
                found.completeness,
                "",
                why=f"{there} values",
                records=tuple(fullest.evidence(slice(None))),
            )
        )
    _sick_meters(found, period, figures)
    air = data.signals.get("air_temperature")
    for signal in signals:
        parameter = _parameter(signal, data, limits)
        verdicts = quality.judge(signal, limits.of(parameter, signal.unit), air)
        if verdicts:
            found.judged.append(Judged(parameter, signal, verdicts))
            _register(signal, verdicts[0], figures)
    return found


def _sick_meters(found: NodeFigures, period: Period, figures: Figures) -> None:
    data = found.data
    for channel, faults in data.faults.items():
        signal = data.signals[channel]
        inside = [f for f in faults if f.start_s < period.end_s and f.end_s > period.start_s]
        for number, fault in enumerate(inside, 1):
            found.faults.append((signal, fault))
            figures.add(
                Figure(
                    f"{data.node}/{channel}/meter/{number}",
                    fault.trouble.value,
                    why="its flow is in no figure",
                    records=tuple(signal.evidence(fault.rows)),
                    start_s=fault.start_s,
                    end_s=fault.end_s,
                )
            )
    if data.misdated_m3:
        figures.add(
            Figure(f"{data.node}/misdated", data.misdated_m3, "m3", why="in no other figure")
        )


def _parameter(signal: Signal, data: NodeData, limits: Limits) -> str:
    if signal.channel in limits.parameters():
        return signal.channel
    return data.quantity[signal.channel]


def _register(signal: Signal, verdict: Compliance, figures: Figures) -> None:
    path = f"{signal.node}/{signal.channel}"
    events = []
    for number, event in enumerate(verdict.events, 1):
        name = f"{path}/outside/{number}"
        records = tuple(signal.evidence(event.rows))
        events.append(figures.add(Figure(name, event.worst, signal.unit, records=records)).id)
    figures.add(
        Figure(
            f"{path}/compliance",
            verdict.share if verdict.valid else None,
            "",
            why="" if verdict.valid else "no valid record",
            parts=tuple(events),
            records=tuple(signal.evidence(signal.flag < 3)),
        )
    )
