# SPDX-License-Identifier: MIT
"""The figures of one zone over a period, each registered with what it stands on."""

from collections.abc import Sequence

from tirta.district import supply, zone_balance, zone_nights
from tirta.district.acknowledged import Acknowledged
from tirta.district.balance import Volume, volume
from tirta.district.figure import Figure, Figures, evidence
from tirta.district.meters import Meters, net_flow
from tirta.district.night import NightWindow
from tirta.district.period import Period
from tirta.district.tree import Zone
from tirta.district.zone_figures import ZoneFigures
from tirta.water.definitions import HOUR_S

NO_FLOW = "no records of its meters"
NOT_BELIEVED = "no record of a meter that can be believed"


def zone_figures(
    zone: Zone,
    meters: Meters,
    period: Period,
    window: NightWindow,
    figures: Figures,
    known: Sequence[Acknowledged] = (),
) -> ZoneFigures:
    """Compute and register everything about a zone."""
    found = ZoneFigures(zone, meters.inlets, net_flow(meters, zone.id), meters.pressure)
    found.acknowledged = known
    if found.net is None or not len(found.net):
        found.no_leakage = NO_FLOW
        figures.add(Figure(f"{zone.id}/inflow", None, "m3", why=NO_FLOW))
        return found
    _inflow(found, period, figures)
    zone_nights.night_flow(found, meters, period, window, figures)
    zone_nights.leakage(found, meters, period, figures)
    zone_nights.burst_figures(found, meters, period, window, figures)
    zone_balance.figures_of(found, meters, period, figures)
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
    if not all(v.seconds for v in volumes):
        figures.add(Figure(f"{found.zone.id}/inflow", None, "m3", why=NOT_BELIEVED))
        return
    found.inflow = Volume(
        sum(v.m3 for v in volumes), min(v.seconds for v in volumes), volumes[0].expected_s
    )
    whole = all(v.coverage > 0.999 for v in volumes)
    why = "" if whole else "not all of the period is there"
    figures.add(
        Figure(f"{found.zone.id}/inflow", found.inflow.m3, "m3", why=why, parts=tuple(parts))
    )


def _supply(
    found: ZoneFigures, meters: Meters, period: Period, window: NightWindow, figures: Figures
) -> None:
    def inside(span: supply.Spell) -> bool:
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
