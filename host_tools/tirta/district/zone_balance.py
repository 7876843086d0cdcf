# SPDX-License-Identifier: MIT
"""The water balance of a zone, and what of it is lost, each part a figure of its own."""

from collections.abc import Sequence

import numpy as np

from tirta.district import iwa
from tirta.district.balance import balance
from tirta.district.figure import Figure, Figures, evidence
from tirta.district.meters import Meters
from tirta.district.period import Period
from tirta.district.signal import Evidence, Signal
from tirta.district.tree import billed, unbilled
from tirta.district.zone_figures import ZoneFigures
from tirta.water.definitions import DAY_S, HOUR_S

WHOLE = 0.9  # of the hours: what is billed is of all of them
_ALL = 0.9995
NOT_WHOLE = "its meters tell only a part of these months"
NO_HOUR = "no hour that all its meters have"


def figures_of(found: ZoneFigures, meters: Meters, period: Period, figures: Figures) -> None:
    """Register the balance, what is not billed, the IWA balance and the leakage index."""
    zone = found.zone
    result = balance(
        meters.inlets, meters.below, meters.outlets, period.start_s, period.end_s,
        zone.meter_accuracy,
    )  # fmt: skip
    found.balance = result
    spread, name = result.uncertainty_m3, f"{zone.id}/balance"
    if not result.hours:
        figures.add(Figure(name, None, "m3", why=NO_HOUR))
    else:
        figures.add(
            Figure(
                name,
                result.own_m3,
                "m3",
                result.own_m3 - spread,
                result.own_m3 + spread,
                why="more left than entered: check the meters" if result.impossible else "",
                records=_hours(meters.all, result.used, period.start_s),
            )
        )
    bill = billed(zone, period.first, period.last)
    if bill is not None and result.coverage < WHOLE:
        found.no_billing = NOT_WHOLE
        figures.add(Figure(f"{zone.id}/not-billed", None, "m3", why=NOT_WHOLE))
    elif bill is not None:
        found.billed_m3 = bill
        _balance(found, period, figures, bill)
    _index(found, period, figures)


def _balance(found: ZoneFigures, period: Period, figures: Figures, bill: float) -> None:
    zone, result = found.zone, found.balance
    assert result is not None  # noqa: S101 - the caller made it
    part = result.coverage < _ALL
    figures.add(
        Figure(
            f"{zone.id}/not-billed", result.own_m3 - bill, "m3",
            why=f"at least: of {result.coverage:.1%} of the hours" if part else "",
            parts=(f"{zone.id}/balance",),
        )
    )  # fmt: skip
    if result.own_m3 <= 0 or result.impossible:
        return
    spread = result.uncertainty_m3
    found.water_balance = whole = iwa.water_balance(
        zone, result.own_m3, spread, bill, unbilled(zone, period.first, period.last)
    )
    assumed = "assumed: " + ", ".join(whole.assumed) if whole.assumed else ""

    def add(kind: str, m3: float, parts: Sequence[str] = (), *, sure: bool, why: str = "") -> None:
        low, high = (None, None) if sure else (m3 - spread, m3 + spread)
        ids = tuple(f"{zone.id}/{part}" for part in parts)
        figures.add(Figure(f"{zone.id}/{kind}", m3, "m3", low, high, why=why, parts=ids))

    add("system-input", whole.input_m3, ("balance",), sure=False)
    add("billed", whole.billed_m3, sure=True, why="from the district file")
    add("unbilled", whole.unbilled_m3, sure=True, why=assumed and "see real losses")
    add("authorised", whole.authorised_m3, ("billed", "unbilled"), sure=True)
    add("losses", whole.losses_m3, ("system-input", "authorised"), sure=False)
    add("apparent", whole.apparent_m3, ("system-input", "billed"), sure=True)
    add("real", whole.real_m3, ("losses", "apparent"), sure=False, why=assumed)
    figures.add(
        Figure(
            f"{zone.id}/nrw", whole.non_revenue,
            low=1 - bill / (whole.input_m3 - spread), high=1 - bill / (whole.input_m3 + spread),
            parts=(f"{zone.id}/system-input", f"{zone.id}/billed"),
        )
    )  # fmt: skip


def _index(found: ZoneFigures, period: Period, figures: Figures) -> None:
    """Unavoidable and current real losses of a day, and how many times the first the second is."""
    zone = found.zone
    mean_m, records = _pressure(found, period)
    least = iwa.unavoidable(zone, mean_m)
    if least is None:
        return
    found.unavoidable = least
    outside = f"outside the formula's validity: {least.outside}" if least.outside else ""
    figures.add(
        Figure(f"{zone.id}/uarl", least.litres_a_day / 1000, "m3/day", why=outside, records=records)
    )
    days = (period.end_s - period.start_s) / DAY_S
    if found.water_balance is not None:
        whole = found.water_balance
        low, high = ((whole.real_m3 + sign * whole.uncertainty_m3) / days for sign in (-1.0, 1.0))
        day_m3, part = whole.real_m3 / days, "real"
    elif found.leakage is not None:
        leak = found.leakage
        a_lps = leak.hour_day * HOUR_S / 1000
        low, high, day_m3, part = (
            leak.low_lps * a_lps,
            leak.high_lps * a_lps,
            leak.day_m3,
            "leakage",
        )
    else:
        figures.add(Figure(f"{zone.id}/ili", None, why="neither billing nor leakage is known"))
        return
    parts = (f"{zone.id}/{part}",)
    figures.add(Figure(f"{zone.id}/carl", day_m3, "m3/day", low, high, parts=parts))
    unit_m3 = least.litres_a_day / 1000
    found.ili = day_m3 / unit_m3
    figures.add(
        Figure(
            f"{zone.id}/ili", found.ili, "", max(0.0, low) / unit_m3, max(0.0, high) / unit_m3,
            why=outside, parts=(f"{zone.id}/carl", f"{zone.id}/uarl"),
        )
    )  # fmt: skip


def _pressure(found: ZoneFigures, period: Period) -> tuple[float | None, tuple[Evidence, ...]]:
    """Mean pressure over the period, m, and its records."""
    if found.zone.pressure_mean_m is not None or found.pressure is None:
        return None, ()
    part = found.pressure.cut(found.pressure.between(period.start_s, period.end_s))
    value = part.valid()
    if np.isnan(value).all():
        return None, ()
    return float(np.nanmean(value)), evidence([part], period.start_s, period.end_s)


def _hours(signals: Sequence[Signal], used: Sequence[bool], start_s: float) -> tuple[Evidence, ...]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.array(used, np.int8), [0]])))
    return tuple(
        e
        for a, b in zip(edges[::2], edges[1::2], strict=True)
        for e in evidence(signals, start_s + float(a) * HOUR_S, start_s + float(b) * HOUR_S)
    )
