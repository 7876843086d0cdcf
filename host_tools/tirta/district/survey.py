# SPDX-License-Identifier: MIT
"""Everything about a district over a period: read, compute, register. The report draws this."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from tirta.district import acknowledged, meter_health
from tirta.district.figure import Figures
from tirta.district.meters import Meters
from tirta.district.night import local_days
from tirta.district.node_figures import NodeFigures, node_figures
from tirta.district.period import Period
from tirta.district.reading import NodeData, Tables
from tirta.district.signal import Signal
from tirta.district.tree import District, Place, Zone
from tirta.district.zone_figures import ZoneFigures
from tirta.district.zones import zone_figures
from tirta.errors import TirtaError
from tirta.water import limits as limit_file
from tirta.water.definitions import DAY_S
from tirta.water.limits import Limits

_LEAD_S = 56 * DAY_S  # what bursts compare with lies before the period: eight weeks
_USUAL_DAYS = 31


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
        float(part.time_s[0] - part.step_s[0])
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
    known = acknowledged.stored(archive)
    figures = Figures()
    for data in nodes.values():
        _judge_meters(data, district, period.zone)
    limits = limits or limit_file.load()
    zones = {
        zone.id: zone_figures(
            zone, _meters(zone, district, nodes), period, district.window, figures, known
        )
        for zone in district.zone
    }
    places = {place.id: place for place in district.node}
    judged = {
        node: node_figures(places.get(node) or Place(id=node), data, period, limits, figures)
        for node, data in nodes.items()
    }
    named = district.nodes_named()
    return Survey(
        district, period, zones, judged, figures, limits, [n for n in present if n not in named]
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


def _judge_meters(data: NodeData, district: District, tz: ZoneInfo) -> None:
    """Find sick meters of a node; what they told then counts as failed from here on."""
    most = {m: zone.max_lps for zone in district.zone for m in zone.inlets}
    beside = data.of("pressure")
    for flow in data.of("flow"):
        days = local_days(flow, tz)
        ends = [*days, days[-1] + timedelta(days=1)] if days else []
        found = meter_health.faults(
            flow,
            [datetime(d.year, d.month, d.day, tzinfo=tz).timestamp() for d in ends],
            beside[0] if beside else None,
            max_lps=most.get(f"{data.node}/{flow.channel}"),
            least_m=district.night.pressure_min_m,
        )
        if found and not reverse_counter(flow, district):
            data.faults[flow.channel] = found
            data.signals[flow.channel] = meter_health.believed(flow, found)


def reverse_counter(flow: Signal, district: District) -> bool:
    """Return whether a channel counts what runs backwards: that it stands still is good."""
    named = {m for zone in district.zone for m in zone.reverse}
    return "reverse" in flow.channel or f"{flow.node}/{flow.channel}" in named


def _cut(signal: Signal, period: Period) -> Signal:
    return signal.cut(signal.between(period.start_s, period.end_s))


def _zones_of_their_own(nodes: dict[str, NodeData]) -> list[Zone]:
    """Without a district file each node with a flow meter stands for a zone; of several flow
    channels, as where one was renamed, the one that measured for longest.
    """
    found = []
    for node, data in nodes.items():
        forward = [s for s in data.of("flow") if "reverse" not in s.channel]
        longest = sorted(forward, key=lambda s: -float(s.step_s.sum()))
        meters = [f"{node}/{s.channel}" for s in longest]
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
