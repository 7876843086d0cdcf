# SPDX-License-Identifier: MIT
"""The figures of one zone over a period, each registered with what it stands on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tirta.district import leakage as leak
from tirta.district import supply
from tirta.district.balance import Balance, Volume, volume
from tirta.district.balance import balance as water_balance
from tirta.district.burst import Burst, bursts
from tirta.district.definitions import BURST, HOUR_S
from tirta.district.figure import Figure, Figures, evidence
from tirta.district.meters import Meters, net_flow
from tirta.district.night import Night, NightWindow, Reported, nights, reported
from tirta.district.period import Period
from tirta.district.signal import Signal
from tirta.district.tree import Zone, billed

NO_NIGHT_USE = "legitimate night use is not in the district file"
NO_NIGHTS = "too few nights count"
NO_FLOW = "no records of its meters"


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
    balance: Balance | None = None
    billed_m3: float | None = None
    backflow: list[tuple[Signal, supply.Span]] = field(default_factory=list)
    outages: list[supply.Span] = field(default_factory=list)

    @property
    def title(self) -> str:
        return self.zone.title

    @property
    def judged_from_s(self) -> float:
        """Bursts can be seen from the night on that begins here; infinite with too few nights."""
        counted = [night for night in self.nights if night.counts]
        least = BURST.baseline_at_least
        return counted[least].start_s if len(counted) > least else math.inf


def zone_figures(
    zone: Zone, meters: Meters, period: Period, window: NightWindow, figures: Figures
) -> ZoneFigures:
    """Compute and register everything about a zone."""
    found = ZoneFigures(zone, meters.inlets, net_flow(meters, zone.id), meters.pressure)
    if found.net is None or not len(found.net):
        found.no_leakage = NO_FLOW
        figures.add(Figure(f"{zone.id}/inflow", None, "m3", why=NO_FLOW))
        return found
    _inflow(found, period, figures)
    _night_flow(found, meters, period, window, figures)
    _leakage(found, meters, period, figures)
    _bursts(found, meters, period, window, figures)
    _balance(found, meters, period, figures)
    _supply(found, meters, period, window, figures)
    return found


def _inflow(found: ZoneFigures, period: Period, figures: Figures) -> None:
    edges = period.edges_s
    parts = []
    for day, start_s, end_s in zip(period.days, edges, edges[1:], strict=False):
        volumes = [volume(s, start_s, end_s) for s in found.inlets]
        whole = all(v.coverage > 0.999 for v in volumes)
        found.daily_m3.append(sum(v.m3 for v in volumes) if whole else None)
        if any(v.seconds for v in volumes):
            parts.append(
                figures.add(
                    Figure(
                        f"{found.zone.id}/inflow/{day}",
                        sum(v.m3 for v in volumes),
                        "m3",
                        why="" if whole else "not all of the day is there",
                        records=evidence(found.inlets, start_s, end_s),
                    )
                ).id
            )
    volumes = [volume(s, period.start_s, period.end_s) for s in found.inlets]
    found.inflow = Volume(
        sum(v.m3 for v in volumes), min(v.seconds for v in volumes), volumes[0].expected_s
    )
    figures.add(Figure(f"{found.zone.id}/inflow", found.inflow.m3, "m3", parts=tuple(parts)))


def _night_flow(
    found: ZoneFigures, meters: Meters, period: Period, window: NightWindow, figures: Figures
) -> None:
    net = found.net
    assert net is not None  # noqa: S101 - zone_figures saw to it
    all_nights = nights(net, found.pressure, window)
    for night in all_nights:
        at = (night.start_s, night.start_s + HOUR_S)
        figures.add(
            Figure(
                f"{found.zone.id}/night/{night.day}",
                None if np.isnan(night.flow_lps) else night.flow_lps,
                "L/s",
                why="" if night.counts else night.state.replace("_", " "),
                records=() if np.isnan(night.flow_lps) else evidence(meters.all, *at),
            )
        )
    found.nights = all_nights
    found.reported = reported(all_nights)
    for one in found.reported:
        parts = tuple(f"{found.zone.id}/night/{n.day}" for n in one.nights)
        figures.add(
            Figure(f"{found.zone.id}/night-flow/{one.day}", one.flow_lps, "L/s", parts=parts)
        )
    last = last_reported(found, period)
    figures.add(
        Figure(f"{found.zone.id}/night-flow", None, "L/s", why=NO_NIGHTS)
        if last is None
        else Figure(
            f"{found.zone.id}/night-flow",
            last.flow_lps,
            "L/s",
            parts=(f"{found.zone.id}/night-flow/{last.day}",),
        )
    )


def last_reported(found: ZoneFigures, period: Period) -> Reported | None:
    """The night flow that stands at the end of the period."""
    inside = [r for r in found.reported if period.first <= r.day <= period.last]
    return inside[-1] if inside else None


def _leakage(found: ZoneFigures, meters: Meters, period: Period, figures: Figures) -> None:
    zone, last, use = found.zone, last_reported(found, period), found.zone.night_use
    found.no_leakage = NO_NIGHT_USE if use is None else NO_NIGHTS if last is None else ""
    if use is None or last is None:
        figures.add(Figure(f"{zone.id}/leakage", None, "L/s", why=found.no_leakage))
        return
    found.leakage = leak.leakage(
        [n.flow_lps for n in last.nights],
        use,
        quantum_l=sum(s.quantum * s.interval_s for s in meters.all),
        meter_accuracy=zone.meter_accuracy,
        hour_day=_hour_day(found, last, period),
    )
    figures.add(
        Figure(
            f"{zone.id}/leakage",
            found.leakage.night_lps,
            "L/s",
            found.leakage.low_lps,
            found.leakage.high_lps,
            parts=(f"{zone.id}/night-flow",),
        )
    )


def _hour_day(found: ZoneFigures, last: Reported, period: Period) -> float:
    known = [n.pressure_m for n in last.nights if not np.isnan(n.pressure_m)]
    if found.pressure is None or not known:
        return 24.0
    rows = found.pressure.between(period.start_s, period.end_s)
    return leak.hour_day_factor(found.pressure.valid()[rows], float(np.mean(known)), found.zone.n1)


def _bursts(
    found: ZoneFigures, meters: Meters, period: Period, window: NightWindow, figures: Figures
) -> None:
    net = found.net
    assert net is not None  # noqa: S101 - zone_figures saw to it
    for burst in bursts(net, found.pressure, found.nights, window):
        if burst.start_s < period.end_s and (burst.end_s is None or burst.end_s > period.start_s):
            found.bursts.append(burst)
            used = (*burst.before, *burst.during)
            figures.add(
                Figure(
                    f"{found.zone.id}/burst/{len(found.bursts)}",
                    burst.size_lps,
                    "L/s",
                    burst.low_lps,
                    burst.high_lps,
                    parts=tuple(f"{found.zone.id}/night/{n.day}" for n in used),
                    records=evidence(meters.all, burst.start_s - HOUR_S, burst.start_s + HOUR_S),
                )
            )


def _balance(found: ZoneFigures, meters: Meters, period: Period, figures: Figures) -> None:
    zone = found.zone
    result = water_balance(
        meters.inlets, meters.below, meters.outlets, period.start_s, period.end_s,
        zone.meter_accuracy,
    )  # fmt: skip
    found.balance = result
    spread = result.uncertainty_m3
    figures.add(
        Figure(
            f"{zone.id}/balance",
            result.own_m3,
            "m3",
            result.own_m3 - spread,
            result.own_m3 + spread,
            why="more left than entered: check the meters" if result.impossible else "",
            records=_hours(meters.all, result.used, period.start_s),
        )
    )
    found.billed_m3 = billed(zone, period.first, period.last)
    if found.billed_m3 is not None:
        figures.add(
            Figure(
                f"{zone.id}/not-billed",
                result.own_m3 - found.billed_m3,
                "m3",
                parts=(f"{zone.id}/balance",),
            )
        )


def _hours(signals: Sequence[Signal], used: Sequence[bool], start_s: float) -> tuple:  # type: ignore[type-arg]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.array(used, np.int8), [0]])))
    return tuple(
        e
        for a, b in zip(edges[::2], edges[1::2], strict=True)
        for e in evidence(signals, start_s + float(a) * HOUR_S, start_s + float(b) * HOUR_S)
    )


def _supply(
    found: ZoneFigures, meters: Meters, period: Period, window: NightWindow, figures: Figures
) -> None:
    def inside(span: supply.Span) -> bool:
        return span.start_s < period.end_s and span.end_s > period.start_s

    for signal, span in supply.backflow(meters.inlets[0], meters.reverse):
        if inside(span):
            found.backflow.append((signal, span))
            name = f"{found.zone.id}/backflow/{len(found.backflow)}"
            records = tuple(signal.evidence(span.rows))
            figures.add(Figure(name, span.value, signal.unit, records=records))
    if found.pressure is not None:
        for span in supply.outages(found.pressure, window.pressure_min_m):
            if inside(span):
                found.outages.append(span)
                name = f"{found.zone.id}/no-supply/{len(found.outages)}"
                records = tuple(found.pressure.evidence(span.rows))
                hours = (span.end_s - span.start_s) / HOUR_S
                figures.add(Figure(name, hours, "h", records=records))
