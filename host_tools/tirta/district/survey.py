# SPDX-License-Identifier: MIT
"""Everything about a district over a period: read, compute, register. The report draws this."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np

from tirta import limits as limit_file
from tirta.district import quality, supply
from tirta.district.definitions import DAY_S
from tirta.district.figure import Figure, Figures
from tirta.district.meters import Meters
from tirta.district.period import Period
from tirta.district.quality import Compliance
from tirta.district.reading import NodeData, Tables
from tirta.district.signal import MISSING, Signal
from tirta.district.tree import District, Place, Zone
from tirta.district.zones import ZoneFigures, zone_figures
from tirta.errors import TirtaError
from tirta.limits import Limits

_LEAD_S = 21 * DAY_S  # what bursts compare with lies before the period
_USUAL_DAYS = 31


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
    holes: list[supply.Hole] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)

    @property
    def title(self) -> str:
        return self.place.name or self.data.name or self.data.node

    @property
    def completeness(self) -> float:
        return float(np.mean(self.daily)) if self.daily else 0.0

    def count(self, kind: str) -> int:
        """How many events of a kind."""
        return sum(1 for event in self.data.events if event.kind == kind)


@dataclass
class Survey:
    """A district over a period."""

    district: District
    period: Period
    zones: dict[str, ZoneFigures]
    nodes: dict[str, NodeFigures]
    figures: Figures
    limits: Limits
    strangers: list[str]  # nodes of the archive that the district file does not name


def survey(
    archive: Path,
    district: District | None = None,
    *,
    limits: Limits | None = None,
    month: str | None = None,
) -> Survey:
    """Read an archive and compute every figure. `month` is YYYY-MM, else the last 31 days.

    Errors: TirtaError for an archive without tables or dated records, a month without any, or a
    district file that names nodes which the archive does not have.
    """
    tables = Tables(archive)
    present = tables.nodes()
    district = district or District()
    unknown = sorted(district.nodes_named() - set(present))
    if unknown:
        raise TirtaError(
            f"The district file names nodes that are not in {archive}: {', '.join(unknown)}.",
            f"The archive has: {', '.join(present[:12])}. Pull the others or correct the file.",
        )
    period = _period(tables, present, district, month)
    nodes = {node: tables.read(node, period.start_s - _LEAD_S, period.end_s) for node in present}
    begins = [
        float(part.time_s[0] - part.interval_s)
        for data in nodes.values()
        for signal in data.signals.values()
        if len(part := _cut(signal, period))
    ]
    if not begins:
        raise TirtaError(
            f"{archive} has no dated record from {period.first} to {period.last}.",
            "Name another month: --month YYYY-MM.",
        )
    if month is None:
        begin = datetime.fromtimestamp(min(begins) + 1, district.tz).date()
        ends = [float(s.time_s[-1]) for n in nodes.values() for s in n.signals.values() if len(s)]
        first = max(period.first, begin)
        period = Period(first, period.last, period.zone, min(begins), max(ends))
    if not district.zone:
        district = district.model_copy(update={"zone": _zones_of_their_own(nodes)})
    figures = Figures()
    limits = limits or limit_file.load()
    zones = {
        zone.id: zone_figures(
            zone, _meters(zone, district, nodes), period, district.window, figures
        )
        for zone in district.zone
    }
    places = {place.id: place for place in district.node}
    known = {
        node: _node_figures(places.get(node) or Place(id=node), data, period, limits, figures)
        for node, data in nodes.items()
    }
    named = district.nodes_named()
    return Survey(
        district, period, zones, known, figures, limits, [n for n in present if n not in named]
    )


def _period(tables: Tables, present: list[str], district: District, month: str | None) -> Period:
    if month is not None:
        try:
            first = date.fromisoformat(f"{month}-01")
        except ValueError as error:
            raise TirtaError(
                f"{month!r} is no month.", "Write it as year and month: --month 2026-03."
            ) from error
        beyond = (first + timedelta(days=31)).replace(day=1)
        return Period(first, beyond - timedelta(days=1), district.tz)
    ends = [end for node in present if (end := tables.last_record_s(node)) is not None]
    if not ends:
        raise TirtaError(
            f"No record in {tables.root} has a time: the clocks of its nodes were never set.",
            "Set them with `tirta clock PORT`, then pull again: records before it get their times"
            " as well.",
        )
    # A record's time is the end of its interval: the one of midnight belongs to the day before.
    last = datetime.fromtimestamp(max(ends) - 1, district.tz).date()
    return Period(last - timedelta(days=_USUAL_DAYS - 1), last, district.tz)


def _cut(signal: Signal, period: Period) -> Signal:
    return signal.cut(signal.between(period.start_s, period.end_s))


def _zones_of_their_own(nodes: dict[str, NodeData]) -> list[Zone]:
    """Without a district file each node with a flow meter stands for a zone."""
    found = []
    for node, data in nodes.items():
        meters = [f"{node}/{s.channel}" for s in data.of("flow") if "reverse" not in s.channel]
        backwards = [f"{node}/{s.channel}" for s in data.of("flow") if "reverse" in s.channel]
        if meters:
            found.append(
                Zone.model_validate(
                    {"id": node, "name": data.name, "in": meters[:1], "reverse": backwards}
                )
            )
    return found


def _meters(zone: Zone, district: District, nodes: dict[str, NodeData]) -> Meters:
    def signals(names: list[str]) -> list[Signal]:
        return [_signal(name, nodes, "flow") for name in names]

    below = [m for child in district.children(zone.id) for m in child.inlets]
    pressure = None
    if zone.pressure:
        pressure = _signal(zone.pressure, nodes, "pressure")
    else:
        # The critical point is where pressure is lowest: it decides whether supply held.
        beside = [s for m in zone.inlets for s in nodes[m.partition("/")[0]].of("pressure")]
        beside = [s for s in beside if len(s) and not np.isnan(s.valid()).all()]
        if beside:
            pressure = min(beside, key=lambda s: float(np.nanmedian(s.valid())))
    return Meters(
        signals(zone.inlets), signals(zone.outlets), signals(below), signals(zone.reverse), pressure
    )


def _signal(meter: str, nodes: dict[str, NodeData], quantity: str) -> Signal:
    node, _, channel = meter.partition("/")
    data = nodes[node]
    if channel in data.signals:
        found = data.signals[channel]
        unit = "L/s" if quantity == "flow" else "m"
        if found.unit != unit:
            raise TirtaError(
                f"The district file uses {meter} as {quantity}, but it is in {found.unit}.",
                f"Name a channel of node {node} that measures {quantity}.",
            )
        return found
    if data.signals:
        raise TirtaError(
            f"Node {node} has no channel {channel}.",
            f"It has: {', '.join(data.signals)}. Correct {meter} in the district file.",
        )
    nothing = np.zeros(0)
    none = nothing.astype(np.int64)
    return Signal(
        node, channel, "L/s" if quantity == "flow" else "m", 60.0, nothing, nothing,
        nothing.astype(np.uint8), none, none,
    )  # fmt: skip


def _node_figures(
    place: Place, data: NodeData, period: Period, limits: Limits, figures: Figures
) -> NodeFigures:
    found = NodeFigures(place, data)
    signals = [_cut(s, period) for s in data.signals.values()]
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
    air = data.signals.get("air_temperature")
    for signal in signals:
        parameter = _parameter(signal, data, limits)
        verdicts = quality.judge(signal, limits.of(parameter, signal.unit), air)
        if verdicts:
            found.judged.append(Judged(parameter, signal, verdicts))
            _register(signal, verdicts[0], figures)
    return found


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
