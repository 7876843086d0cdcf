# SPDX-License-Identifier: MIT
"""The figures of one zone over a period, each registered with what it stands on."""

from collections.abc import Sequence

import numpy as np

from tirta.district import supply, zone_nights
from tirta.district.balance import Volume, volume
from tirta.district.balance import balance as water_balance
from tirta.district.definitions import HOUR_S
from tirta.district.figure import Figure, Figures, evidence
from tirta.district.meters import Meters, net_flow
from tirta.district.night import NightWindow
from tirta.district.period import Period
from tirta.district.signal import Signal
from tirta.district.tree import Zone, billed
from tirta.district.zone_figures import ZoneFigures

NO_FLOW = "no records of its meters"


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
    zone_nights.night_flow(found, meters, period, window, figures)
    zone_nights.leakage(found, meters, period, figures)
    zone_nights.burst_figures(found, meters, period, window, figures)
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
