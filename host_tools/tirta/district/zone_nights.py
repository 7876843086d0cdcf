# SPDX-License-Identifier: MIT
"""What the nights tell of a zone: its night flow, its leakage, and pipes that burst."""

import numpy as np

from tirta.district import acknowledged
from tirta.district import leakage as leak
from tirta.district.burst import bursts
from tirta.district.figure import Figure, Figures, evidence
from tirta.district.meters import Meters
from tirta.district.night import NightWindow, Reported, nights, reported
from tirta.district.period import Period
from tirta.district.zone_figures import ZoneFigures, last_reported
from tirta.water.definitions import HOUR_S

NO_NIGHT_USE = "legitimate night use is not in the district file"
NO_NIGHTS = "too few nights count"


def night_flow(
    found: ZoneFigures, meters: Meters, period: Period, window: NightWindow, figures: Figures
) -> None:
    """Tell the flow of each night, and what is reported of seven."""
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


def leakage(found: ZoneFigures, meters: Meters, period: Period, figures: Figures) -> None:
    """Tell what flows at night beyond its legitimate use, over the whole day."""
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


def burst_figures(
    found: ZoneFigures, meters: Meters, period: Period, window: NightWindow, figures: Figures
) -> None:
    """Tell bursts that touch the period, with the nights that they are compared with. What an
    operator acknowledged is none.
    """
    net = found.net
    assert net is not None  # noqa: S101 - zone_figures saw to it
    for burst in bursts(net, found.pressure, found.nights, window):
        if burst.start_s < period.end_s and (burst.end_s is None or burst.end_s > period.start_s):
            said = acknowledged.of_burst(found.acknowledged, found.zone.id, burst)
            alike = found.bursts if said is None else found.changes
            alike.append(burst)
            kind = "burst" if said is None else "change"
            used = (*burst.before, *burst.during)
            figures.add(
                Figure(
                    f"{found.zone.id}/{kind}/{len(alike)}",
                    burst.size_lps,
                    "L/s",
                    burst.low_lps,
                    burst.high_lps,
                    why="" if said is None else f"acknowledged: {said.what}",
                    start_s=burst.start_s,
                    end_s=burst.end_s,
                    start_range_s=burst.start_range_s,
                    end_range_s=burst.end_range_s,
                    parts=tuple(f"{found.zone.id}/night/{n.day}" for n in used),
                    records=evidence(meters.all, burst.start_s - HOUR_S, burst.start_s + HOUR_S),
                )
            )
