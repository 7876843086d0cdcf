# SPDX-License-Identifier: MIT
"""The lines of a zone's tables: how a node keeps a limit, and what a day was like."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from tirta.district.night import Night
from tirta.district.node_figures import NodeFigures
from tirta.district.survey import Survey
from tirta.district.zone_figures import ZoneFigures
from tirta.report.health import DASH
from tirta.report.language import Language
from tirta.report.words import limit_text, parameter, unit


@dataclass(frozen=True)
class QualityLine:
    """A parameter against one limit at one place, as text."""

    parameter: str
    place: str
    share: str
    good: bool
    limit: str
    source: str
    median: str
    least: str
    greatest: str
    valid: str
    doubted: str
    signal: str


@dataclass(frozen=True)
class DayLine:
    """A day of a zone, as text."""

    day: str
    inflow: str
    night: str
    counts: bool
    why: str
    share: str


def quality_lines(node: NodeFigures, survey: Survey, words: Language) -> list[QualityLine]:
    """Return a line for each limit of each parameter."""
    found = []
    for judged in node.judged:
        for verdict in judged.verdicts:
            limit, source = verdict.limit, survey.limits.source[verdict.limit.source]
            sign = f" {unit(limit.unit)}".rstrip()

            def shown(value: float, sign: str = sign) -> str:
                return DASH if np.isnan(value) else words.significant(value) + sign

            found.append(
                QualityLine(
                    parameter(words, judged.parameter),
                    node.title,
                    words.percent(verdict.share) if verdict.valid else DASH,
                    bool(verdict.valid) and verdict.share >= 0.99,
                    limit_text(words, limit.low, limit.high, limit.unit),
                    source.told(words.code).title,
                    shown(verdict.median),
                    shown(verdict.low),
                    shown(verdict.high),
                    words.number(verdict.valid, 0),
                    words.number(verdict.doubted + verdict.missing, 0),
                    f"{node.data.node}/{judged.signal.channel}",
                )
            )
    return found


def day_lines(
    zone: ZoneFigures, nodes: list[NodeFigures], survey: Survey, words: Language
) -> list[DayLine]:
    """Return a line for each day of the period."""
    nights = {n.day: n for n in zone.nights}
    found = []
    for index, day in enumerate(survey.period.days):
        volume = zone.daily_m3[index] if zone.daily_m3 else None
        found.append(_day(day, volume, nights.get(day), nodes, index, words))
    return found


def _day(
    day: date, volume: float | None, night: Night | None, nodes: list[NodeFigures], index: int,
    words: Language,
) -> DayLine:  # fmt: skip
    flow, state = (night.flow_lps, night.state) if night else (np.nan, "")
    why = {
        "no_complete_hour": words.text("no complete hour"),
        "pressure_lost": words.text("pressure was lost"),
        "pressure_unknown": words.text("pressure is not known"),
        "clock_set_back": words.text("the clock was set back"),
    }
    shares = [n.daily[index] for n in nodes if n.daily]
    return DayLine(
        words.day(day, "d MMM"),
        DASH if volume is None else words.number(volume, 0),
        DASH if np.isnan(flow) else words.significant(flow),
        state == "counted",
        why.get(state, ""),
        words.percent(float(np.mean(shares)), 0) if shares else DASH,
    )
