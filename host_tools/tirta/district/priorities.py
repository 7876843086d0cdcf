# SPDX-License-Identifier: MIT
"""What to do next in a district: zones by the water that can be won back, and what is open now.

*Recoverable* is the leakage of a zone's nights over the whole period, less the unavoidable part
where that is known. A zone whose meters are not to be believed is not ranked: its figures are.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from tirta.district.figure import Figure
from tirta.district.node_figures import NodeFigures
from tirta.district.survey import Survey
from tirta.district.zone_figures import ZoneFigures
from tirta.water.definitions import DAY_S

SILENT_S = DAY_S  # a node without records for longer is told
_NOW_S = 2 * 3600  # what lasts until so shortly before the end is open


@dataclass(frozen=True)
class Rank:
    """A zone with what can be won back in the period, m3; `low` and `high` are k = 2.

    `share` is of the zone's net inflow; `money` in the district's currency, None without a price.
    """

    zone: ZoneFigures
    m3: float
    low_m3: float
    high_m3: float
    share: float | None
    money: float | None


@dataclass(frozen=True)
class Total:
    """All ranked zones together; the ranges are taken as independent."""

    zones: int
    m3: float
    low_m3: float
    high_m3: float
    money: float | None
    non_revenue: float | None  # share of the net inflow of the zones whose billing is known
    billed_zones: int


class Matter(StrEnum):
    """What can be open."""

    LEAK = "leak"
    DRY = "dry"
    METER = "meter"
    SICK = "sick"
    SILENT = "silent"
    ALARM = "alarm"
    QUALITY = "quality"


@dataclass(frozen=True)
class Open:
    """Something that is so at the end of the period. `name` is of an alarm or a parameter."""

    matter: Matter
    where: str  # a zone's or node's title
    since_s: float
    zone: str = ""
    node: str = ""
    name: str = ""
    lps: float = math.nan


def ranks(survey: Survey) -> list[Rank]:
    """Return the zones that have something to win back, most first; registers their figures."""
    found = [one for zone in survey.zones.values() if (one := _rank(zone, survey)) is not None]
    return sorted(found, key=lambda r: (-r.m3, r.zone.title))


def _rank(zone: ZoneFigures, survey: Survey) -> Rank | None:
    leak = zone.leakage
    if leak is None:
        return None
    days = (survey.period.end_s - survey.period.start_s) / DAY_S
    a_lps = days * leak.hour_day * 3.6  # m3 in the period of each L/s at night
    # Where the formula of the unavoidable is not valid, nothing is taken off by it.
    least = zone.unavoidable
    unavoidable_m3 = least.litres_a_day / 1000 * days if least and not least.outside else 0.0
    m3, low, high = (
        max(0.0, v * a_lps - unavoidable_m3) for v in (leak.night_lps, leak.low_lps, leak.high_lps)
    )
    price = survey.district.price_per_m3
    balance = zone.balance
    own = balance.own_m3 if balance and balance.own_m3 > 0 and not balance.impossible else None
    parts = ("leakage", "uarl") if unavoidable_m3 else ("leakage",)
    survey.figures.add(
        Figure(
            f"{zone.zone.id}/recoverable", m3, "m3", low, high,
            parts=tuple(f"{zone.zone.id}/{part}" for part in parts),
        )
    )  # fmt: skip
    share = None if own is None else min(1.0, m3 / own)
    return Rank(zone, m3, low, high, share, None if price is None else m3 * price)


def total(survey: Survey, ranked: list[Rank]) -> Total:
    """Return the sum over the ranked zones, and what is not billed of those whose billing is
    known.
    """
    m3 = sum(r.m3 for r in ranked)
    below = math.sqrt(sum((r.m3 - r.low_m3) ** 2 for r in ranked))
    above = math.sqrt(sum((r.high_m3 - r.m3) ** 2 for r in ranked))
    known = [
        (z.billed_m3, z.balance.own_m3)
        for z in survey.zones.values()
        if z.billed_m3 is not None and z.balance and z.balance.own_m3 > 0
        and not z.balance.impossible
    ]  # fmt: skip
    entered = sum(own for _, own in known)
    lost = entered - sum(billed for billed, _ in known)
    money = [r.money for r in ranked if r.money is not None]
    return Total(
        len(ranked), m3, max(0.0, m3 - below), m3 + above,
        sum(money) if money else None, lost / entered if entered else None, len(known),
    )  # fmt: skip


def open_matters(survey: Survey) -> list[Open]:
    """Return what is open at the end of the period: leaks first, then by how long it has been
    so.
    """
    found = [m for zone in survey.zones.values() for m in _of_zone(zone, survey)]
    found += [m for node in survey.nodes.values() for m in _of_node(node, survey)]
    order = list(Matter)
    return sorted(found, key=lambda m: (order.index(m.matter), m.since_s, m.where))


def _of_zone(zone: ZoneFigures, survey: Survey) -> list[Open]:
    end_s = survey.period.end_s

    def so(matter: Matter, since_s: float, lps: float = math.nan) -> Open:
        return Open(matter, zone.title, since_s, zone=zone.zone.id, lps=lps)

    found = [so(Matter.LEAK, b.start_s, b.size_lps) for b in zone.bursts if b.end_s is None]
    found += [so(Matter.DRY, o.start_s) for o in zone.outages if _now(o.end_s, end_s)]
    if zone.balance is not None and zone.balance.impossible:
        found.append(so(Matter.METER, survey.period.start_s))
    return found


def _of_node(node: NodeFigures, survey: Survey) -> list[Open]:
    end_s = survey.period.end_s

    def so(matter: Matter, since_s: float, name: str = "") -> Open:
        return Open(matter, node.title, since_s, node=node.data.node, name=name)

    last_s = max((float(s.time_s[-1]) for s in node.data.signals.values() if len(s)), default=0.0)
    if end_s - last_s > SILENT_S:
        return [so(Matter.SILENT, last_s)]
    found = [
        so(Matter.SICK, fault.start_s, signal.channel)
        for signal, fault in node.faults
        if _now(fault.end_s, end_s)
    ]
    found += [
        so(Matter.QUALITY, event.start_s, judged.parameter)
        for judged in node.judged
        for event in judged.verdicts[0].events
        if _now(event.end_s, end_s)
    ]
    raised: dict[str, float] = {}
    for told in sorted(node.data.events, key=lambda e: e.time_s or 0.0):
        name = told.fields.get("name")
        if told.kind != "alarm" or not isinstance(name, str):
            continue
        if not told.fields.get("raised"):
            raised.pop(name, None)
        elif told.time_s is not None:
            raised.setdefault(name, told.time_s)
    return found + [so(Matter.ALARM, at, name) for name, at in raised.items()]


def _now(until_s: float, end_s: float) -> bool:
    """Whether what lasted until then goes on at the end."""
    return end_s - until_s < _NOW_S
