# SPDX-License-Identifier: MIT
"""The month at a glance: a row for each question, a cell for each day.

States of a cell: `good`, `look` (something was not as it should be), `none` (not measured: nobody
knows, so nothing is claimed). A cell says in words what its colour says.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tirta.district.feedback import ServiceRequest
from tirta.district.node_figures import Judged
from tirta.district.survey import Survey
from tirta.report.language import Language
from tirta.report.words import parameter

GOOD, LOOK, NONE = "good", "look", "none"
_OUTSIDE_S = 15 * 60  # a day with less than this outside a limit is good
_DRY_S = 30 * 60
_THERE = 0.9  # a day with less of its records is not called complete


@dataclass(frozen=True)
class Cell:
    """One day. `mark` is printed in it, `text` is read out."""

    state: str
    mark: str
    text: str


@dataclass(frozen=True)
class CalendarRow:
    """A row of the calendar: a cell for each span of time."""

    name: str
    cells: list[Cell]


def rows(survey: Survey, requests: Iterable[ServiceRequest], words: Language) -> list[CalendarRow]:
    """Return the rows that there is something to say for."""
    spans = list(pairwise(survey.period.edges_s))
    found = [_supply(survey, spans, words)]
    by_parameter: dict[str, list[Judged]] = {}
    for node in survey.nodes.values():
        for one in node.judged:
            by_parameter.setdefault(one.parameter, []).append(one)
    order = [p for p in survey.limits.parameters() if p in by_parameter]
    found += [_quality(p, by_parameter[p], spans, words) for p in order]
    found.append(_bursts(survey, spans, words))
    known = list(requests)
    if known:
        found.append(_reports(known, spans, words))
    found.append(_data(survey, words))
    return [row for row in found if any(cell.state != NONE for cell in row.cells)]


def _row(
    name: str, spans: list[tuple[float, float]], cell: Callable[[float, float], Cell]
) -> CalendarRow:
    return CalendarRow(name, [cell(start_s, end_s) for start_s, end_s in spans])


def _supply(survey: Survey, spans: list[tuple[float, float]], words: Language) -> CalendarRow:
    measured = [z for z in survey.zones.values() if z.pressure is not None]

    def cell(start_s: float, end_s: float) -> Cell:
        there = [
            z
            for z in measured
            if z.pressure and len(z.pressure.cut(z.pressure.between(start_s, end_s)))
        ]
        if not there:
            return Cell(NONE, "", words.text("not measured"))
        longest = max(
            (
                sum(max(0.0, min(o.end_s, end_s) - max(o.start_s, start_s)) for o in z.outages)
                for z in there
            ),
            default=0.0,
        )
        if longest < _DRY_S:
            return Cell(GOOD, "✓", words.text("water all day"))
        text = words.text("no water for %(time)s somewhere", time=words.duration(longest))
        return Cell(LOOK, "!", text)

    return _row(words.text("Supply"), spans, cell)


def _quality(
    name: str, judged: list[Judged], spans: list[tuple[float, float]], words: Language
) -> CalendarRow:
    def cell(start_s: float, end_s: float) -> Cell:
        longest, measured = 0.0, False
        for one in judged:
            rows_ = one.signal.between(start_s, end_s)
            measured |= bool((~np.isnan(one.signal.valid()[rows_])).any())
            outside = float(one.signal.step_s[rows_][one.verdicts[0].outside[rows_]].sum())
            longest = max(longest, outside)
        if not measured:
            return Cell(NONE, "", words.text("not measured"))
        if longest < _OUTSIDE_S:
            return Cell(GOOD, "✓", words.text("within the limit"))
        text = words.text("outside the limit for %(time)s", time=words.duration(longest))
        return Cell(LOOK, "!", text)

    return _row(parameter(words, name), spans, cell)


def _bursts(survey: Survey, spans: list[tuple[float, float]], words: Language) -> CalendarRow:
    judged_from_s = min((z.judged_from_s for z in survey.zones.values()), default=math.inf)

    def cell(start_s: float, end_s: float) -> Cell:
        open_ = [
            z.title
            for z in survey.zones.values()
            for b in z.bursts
            if b.start_s < end_s and (b.end_s is None or b.end_s > start_s)
        ]
        if open_:
            text = words.text(
                "a new leak is suspected in %(zones)s", zones=", ".join(sorted(set(open_)))
            )
            return Cell(LOOK, "!", text)
        if end_s <= judged_from_s:
            return Cell(NONE, "", words.text("too few nights count"))
        return Cell(GOOD, "✓", words.text("no new leak"))

    return _row(words.text("Pipes"), spans, cell)


def _reports(
    requests: list[ServiceRequest], spans: list[tuple[float, float]], words: Language
) -> CalendarRow:
    def cell(start_s: float, end_s: float) -> Cell:
        count = sum(1 for r in requests if start_s <= r.time_s < end_s)
        if not count:
            return Cell(GOOD, "", words.text("nobody reported anything"))
        text = words.plural("%(num)s report", "%(num)s reports", count)
        return Cell(LOOK, str(min(count, 99)), text)

    return _row(words.text("Reports of people"), spans, cell)


def _data(survey: Survey, words: Language) -> CalendarRow:
    cells = []
    for index in range(len(survey.period.days)):
        shares = [n.daily[index] for n in survey.nodes.values() if n.daily]
        share = float(np.mean(shares)) if shares else 0.0
        text = words.text("%(share)s of the records are there", share=words.percent(share, 0))
        state = GOOD if share >= _THERE else LOOK if share else NONE
        cells.append(Cell(state, "✓" if state == GOOD else "!" if share else "", text))
    return CalendarRow(words.text("Measuring"), cells)
