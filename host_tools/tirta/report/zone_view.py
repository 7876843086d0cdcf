# SPDX-License-Identifier: MIT
"""A zone as the engineer sees it: its line in the table, and what its section shows."""

from dataclasses import dataclass

from tirta.district.node_figures import NodeFigures
from tirta.district.survey import Survey
from tirta.district.zone_figures import ZoneFigures, last_reported
from tirta.report.health import DASH, Health, health
from tirta.report.language import Language
from tirta.report.zone_lines import DayLine, QualityLine, day_lines, quality_lines

_SPARK = (96, 24)


@dataclass(frozen=True)
class ShownValue:
    """A figure as text: `range` is its uncertainty, `why` why there is none."""

    text: str
    range: str = ""
    why: str = ""
    figure: str = ""


@dataclass(frozen=True)
class Sort:
    """What the columns are sorted by; empty sorts last."""

    inflow: str
    night: str
    leakage: str
    own: str
    not_billed: str


@dataclass(frozen=True)
class Sums:
    """The last line of the table: inflow of the zones that no other feeds, all else of all."""

    inflow: ShownValue
    leakage: ShownValue
    own: ShownValue
    not_billed: ShownValue
    bursts: int


@dataclass(frozen=True)
class ZoneView:
    """All that the page says about a zone, as text."""

    id: str
    title: str
    depth: int
    inflow: ShownValue
    night: ShownValue
    leakage: ShownValue
    own: ShownValue
    not_billed: ShownValue
    spark: str
    spark_text: str
    bursts: int
    quality: list[QualityLine]
    days: list[DayLine]
    health: list[Health]
    causes: str
    sort: Sort


def zone_view(zone: ZoneFigures, survey: Survey, depth: int, words: Language) -> ZoneView:
    """Work out everything that the page says about a zone."""
    nodes = _nodes(zone, survey)
    spark, spark_text = _spark(zone, survey, words)
    return ZoneView(
        zone.zone.id,
        zone.title,
        depth,
        _inflow(zone, words),
        _night(zone, survey, words),
        _leakage(zone, words),
        _own(zone, words),
        _not_billed(zone, words),
        spark,
        spark_text,
        len(zone.bursts),
        [line for node in nodes for line in quality_lines(node, survey, words)],
        day_lines(zone, nodes, survey, words),
        [health(node, words) for node in nodes],
        _causes(zone, words),
        _sort(zone, survey),
    )


def sums(survey: Survey, words: Language) -> Sums:
    """Sum up what the zones are together; a figure that no zone has is a dash."""
    zones = list(survey.zones.values())
    entered = [z.inflow.m3 for z in zones if z.zone.parent is None and z.inflow]
    leaks = [z.leakage.night_lps for z in zones if z.leakage]
    own = [z.balance.own_m3 for z in zones if z.balance and z.balance.hours]
    lost = [m3 for z in zones if (m3 := _lost_m3(z)) is not None]
    return Sums(
        ShownValue(f"{words.number(sum(entered), 0)} m³" if entered else DASH),
        ShownValue(f"{words.significant(sum(leaks))} L/s" if leaks else DASH),
        ShownValue(f"{words.number(sum(own), 0)} m³" if own else DASH),
        ShownValue(f"{words.number(sum(lost), 0)} m³" if lost else DASH),
        sum(len(z.bursts) for z in zones),
    )


def _sort(zone: ZoneFigures, survey: Survey) -> Sort:
    last = last_reported(zone, survey.period)
    numbers = (
        zone.inflow.m3 if zone.inflow else None,
        last.flow_lps if last else None,
        zone.leakage.night_lps if zone.leakage else None,
        zone.balance.own_m3 if zone.balance and zone.balance.hours else None,
        _lost_m3(zone),
    )
    return Sort(*("" if n is None else f"{n:.6g}" for n in numbers))


def _lost_m3(zone: ZoneFigures) -> float | None:
    """What entered and was not billed."""
    if zone.billed_m3 is None or zone.balance is None or not zone.balance.own_m3:
        return None
    return zone.balance.own_m3 - zone.billed_m3


def _nodes(zone: ZoneFigures, survey: Survey) -> list[NodeFigures]:
    inside = [s.node for s in zone.inlets]
    inside += [n.id for n in survey.district.node if n.zone == zone.zone.id]
    return [survey.nodes[node] for node in dict.fromkeys(inside)]


def _inflow(zone: ZoneFigures, words: Language) -> ShownValue:
    if zone.inflow is None:
        sick = bool(len(zone.inlets[0])) if zone.inlets else False
        return ShownValue(
            DASH,
            why=words.text("no record of a meter that can be believed")
            if sick
            else words.text("no records of its meters"),
        )
    share = words.percent(zone.inflow.coverage, 1)
    gap = "" if zone.inflow.coverage > 0.9995 else words.text("%(share)s of the time", share=share)
    return ShownValue(f"{words.number(zone.inflow.m3, 0)} m³", gap, figure=f"{zone.zone.id}/inflow")


def _night(zone: ZoneFigures, survey: Survey, words: Language) -> ShownValue:
    last = last_reported(zone, survey.period)
    if last is None:
        return ShownValue(DASH, why=words.text("too few nights count"))
    nights = words.plural("%(num)s night", "%(num)s nights", len(last.nights))
    return ShownValue(
        f"{words.significant(last.flow_lps)} L/s", nights, figure=f"{zone.zone.id}/night-flow"
    )


def _leakage(zone: ZoneFigures, words: Language) -> ShownValue:
    found = zone.leakage
    if found is None:
        why = {
            "legitimate night use is not in the district file": words.text(
                "legitimate night use is not in the district file"
            ),
            "too few nights count": words.text("too few nights count"),
            "no records of its meters": words.text("no records of its meters"),
        }
        return ShownValue(DASH, why=why.get(zone.no_leakage, zone.no_leakage))
    between = words.text(
        "%(low)s to %(high)s",
        low=words.significant(found.low_lps),
        high=words.significant(found.high_lps),
    )
    return ShownValue(
        f"{words.significant(found.night_lps)} L/s", between, figure=f"{zone.zone.id}/leakage"
    )


def _causes(zone: ZoneFigures, words: Language) -> str:
    found = zone.leakage
    if found is None:
        return ""
    return words.text(
        "Night flow %(flow)s minus legitimate night use %(use)s L/s. Standard uncertainties:"
        " counting %(counting)s, choice of nights %(nights)s, meter %(meter)s, night use"
        " %(night_use)s L/s; the range is twice the root of the sum of their squares. A day is"
        " worth %(hours)s hours of the night: %(volume)s m³ a day.",
        flow=words.significant(found.reported_lps),
        use=words.significant(found.use_lps),
        **{name: words.significant(value) for name, value in found.causes_lps.items()},
        hours=words.number(found.hour_day, 1),
        volume=words.number(found.day_m3, 0),
    )


def _own(zone: ZoneFigures, words: Language) -> ShownValue:
    found = zone.balance
    if found is None or not found.hours:
        return ShownValue(DASH, why=words.text("no hour that all its meters have"))
    text = f"{words.number(found.own_m3, 0)} ± {words.number(found.uncertainty_m3, 0)} m³"
    note = words.text("more left than entered: check the meters") if found.impossible else ""
    if not note and found.coverage < 0.9995:
        share = words.percent(found.coverage)
        note = words.text("%(share)s of the time", share=share)
    return ShownValue(text, note, figure=f"{zone.zone.id}/balance")


def _not_billed(zone: ZoneFigures, words: Language) -> ShownValue:
    lost = _lost_m3(zone)
    if zone.no_billing:
        return ShownValue(DASH, why=words.text("its meters tell only a part of these months"))
    if lost is None or zone.balance is None:
        return ShownValue(DASH, why=words.text("what was billed is not in the district file"))
    share = words.percent(lost / zone.balance.own_m3, 0)
    return ShownValue(f"{words.number(lost, 0)} m³", share, figure=f"{zone.zone.id}/not-billed")


def _spark(zone: ZoneFigures, survey: Survey, words: Language) -> tuple[str, str]:
    """Night flow as the points of a small SVG line; nights that do not count are left out."""
    period = survey.period
    inside = [n for n in zone.nights if n.counts and period.first <= n.day <= period.last]
    if len(inside) < 2:
        return "", ""
    top = max(n.flow_lps for n in inside) or 1.0
    wide, high = _SPARK
    days = max(1, (period.last - period.first).days)
    across = [(n.day - period.first).days / days * wide for n in inside]
    down = [high - max(0, n.flow_lps) / top * high for n in inside]
    points = [f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True)]
    text = words.text(
        "night flow from %(first)s to %(last)s L/s, at most %(most)s",
        first=words.significant(inside[0].flow_lps),
        last=words.significant(inside[-1].flow_lps),
        most=words.significant(top),
    )
    return " ".join(points), text
