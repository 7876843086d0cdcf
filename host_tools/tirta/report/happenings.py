# SPDX-License-Identifier: MIT
"""What happened, as sentences in the order of time: data and what people reported side by side."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from tirta.district.feedback import BROWN_WATER, ServiceRequest
from tirta.district.node_figures import NodeFigures
from tirta.district.survey import Survey
from tirta.district.zone_figures import ZoneFigures
from tirta.report.language import Language
from tirta.report.words import limit_text, parameter, reports, unit

BURST, DRY, QUALITY, REPORT, SILENT, BACKFLOW = (
    "burst", "dry", "quality", "report", "silent", "backflow",
)  # fmt: skip
_RANK = (BURST, BACKFLOW, DRY, QUALITY, REPORT, SILENT)
_SILENT_S = 6 * 3600
_OUTSIDE_S = 15 * 60
_MOST_A_DAY = 12  # of a large district
_AFTER_DAYS = 2  # a report this long after cloudy water belongs to it


@dataclass(frozen=True)
class Happening:
    """`figure` is the id that `tirta district --explain` takes, empty where there is none."""

    time_s: float
    kind: str
    text: str
    figure: str = ""


@dataclass(frozen=True)
class Day:
    """What happened on a local day; what is alike lies together, in the order of `_RANK`."""

    title: str
    happened: list[Happening]
    not_shown: int = 0


def days(survey: Survey, requests: Iterable[ServiceRequest], words: Language) -> list[Day]:
    """Return the days on which something happened, in order."""
    found: dict[date, list[Happening]] = {}
    for one in happenings(survey, requests, words):
        day = datetime.fromtimestamp(one.time_s, survey.period.zone).date()
        found.setdefault(day, []).append(one)
    return [_day(day, told, words) for day, told in sorted(found.items())]


def _day(day: date, told: list[Happening], words: Language) -> Day:
    ordered = sorted(told, key=lambda h: _RANK.index(h.kind))
    shown = ordered[:_MOST_A_DAY]
    return Day(words.day(day, "EEEE d MMMM"), shown, len(ordered) - len(shown))


def happenings(
    survey: Survey, requests: Iterable[ServiceRequest], words: Language
) -> list[Happening]:
    """Collect all of them in the period."""
    found: list[Happening] = []
    for zone in survey.zones.values():
        found += _of_zone(zone, words)
    for node in survey.nodes.values():
        found += _of_node(node, survey, words)
    found += _of_people(survey, requests, words)
    return sorted(found, key=lambda h: h.time_s)


def _of_zone(zone: ZoneFigures, words: Language) -> list[Happening]:
    found = []
    for number, burst in enumerate(zone.bursts, 1):
        values = {
            "zone": zone.title,
            "flow": words.significant(burst.size_lps),
            "volume": words.number(burst.volume_m3, 0),
        }
        if burst.end_s is None:
            text = words.text(
                "A new leak is suspected in %(zone)s: about %(flow)s litres a second are being"
                " lost, %(volume)s m³ so far. It is not yet repaired.",
                **values,
            )
        else:
            text = words.text(
                "A new leak is suspected in %(zone)s: about %(flow)s litres a second were lost,"
                " %(volume)s m³ in all. It ended on %(end)s.",
                **values,
                end=words.time(burst.end_s),
            )
        found.append(_at(burst.start_s, BURST, text, words, f"{zone.zone.id}/burst/{number}"))
    for number, dry in enumerate(zone.outages, 1):
        text = words.text(
            "No water in %(zone)s for %(time)s.",
            zone=zone.title, time=words.duration(dry.end_s - dry.start_s),
        )  # fmt: skip
        found.append(_at(dry.start_s, DRY, text, words, f"{zone.zone.id}/no-supply/{number}"))
    for number, (_, span) in enumerate(zone.backflow, 1):
        text = words.text(
            "Water ran backwards through the meter of %(zone)s for %(time)s.",
            zone=zone.title, time=words.duration(span.end_s - span.start_s),
        )  # fmt: skip
        found.append(_at(span.start_s, BACKFLOW, text, words, f"{zone.zone.id}/backflow/{number}"))
    return found


def _of_node(node: NodeFigures, survey: Survey, words: Language) -> list[Happening]:
    found = []
    for judged in node.judged:
        verdict = judged.verdicts[0]
        name = f"{node.data.node}/{judged.signal.channel}"
        limit = limit_text(words, verdict.limit.low, verdict.limit.high, verdict.limit.unit)
        for number, event in enumerate(verdict.events, 1):
            if event.end_s - event.start_s < _OUTSIDE_S:
                continue
            worst = f"{words.significant(event.worst)} {unit(judged.signal.unit)}".rstrip()
            text = words.text(
                "%(parameter)s at %(place)s was outside its limit for %(time)s: %(worst)s (limit:"
                " %(limit)s).",
                parameter=parameter(words, judged.parameter),
                place=node.title,
                time=words.duration(event.end_s - event.start_s),
                worst=worst,
                limit=limit,
            )
            found.append(_at(event.start_s, QUALITY, text, words, f"{name}/outside/{number}"))
    for hole in node.holes:
        if hole.end_s - hole.start_s >= _SILENT_S:
            text = words.text(
                "No data of %(place)s for %(time)s: what happened then is not known.",
                place=node.title, time=words.duration(hole.end_s - hole.start_s),
            )  # fmt: skip
            found.append(_at(hole.start_s, SILENT, text, words, f"{node.data.node}/completeness"))
    return found


def _of_people(
    survey: Survey, requests: Iterable[ServiceRequest], words: Language
) -> list[Happening]:
    period = survey.period
    groups: Counter[tuple[date, str]] = Counter()
    first: dict[tuple[date, str], float] = {}
    for request in requests:
        if period.start_s <= request.time_s < period.end_s:
            key = (datetime.fromtimestamp(request.time_s, period.zone).date(), request.category)
            groups[key] += 1
            first[key] = min(first.get(key, request.time_s), request.time_s)
    found = []
    cloudy = _cloudy_days(survey)
    for (day, category), count in groups.items():
        text = reports(words, category, count)
        if category == BROWN_WATER and any(0 <= (day - d).days <= _AFTER_DAYS for d in cloudy):
            text += " " + words.text("The sensors had seen cloudy water then.")
        found.append(Happening(first[day, category], REPORT, text))
    return found


def _cloudy_days(survey: Survey) -> set[date]:
    return {
        datetime.fromtimestamp(event.start_s, survey.period.zone).date()
        for node in survey.nodes.values()
        for judged in node.judged
        if judged.parameter == "turbidity"
        for event in judged.verdicts[0].events
        if event.end_s - event.start_s >= _OUTSIDE_S
    }


def _at(time_s: float, kind: str, text: str, words: Language, figure: str) -> Happening:
    return Happening(time_s, kind, f"{words.time(time_s, 'HH:mm')} {text}", figure)
