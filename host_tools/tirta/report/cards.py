# SPDX-License-Identifier: MIT
"""The four answers that a citizen or a mayor looks for first, each in a word and a sentence."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tirta.district.feedback import ServiceRequest
from tirta.district.survey import Survey
from tirta.report.calendar import GOOD, LOOK, NONE
from tirta.report.language import Language
from tirta.report.words import parameter, reports
from tirta.water.definitions import DAY_S

_WITHIN = 0.99
_SUPPLIED = 0.99


@dataclass(frozen=True)
class Card:
    """`icon` is a symbol of the template; `more` is a second, smaller sentence."""

    icon: str
    title: str
    state: str
    word: str
    text: str
    more: str = ""


def cards(survey: Survey, requests: Iterable[ServiceRequest], words: Language) -> list[Card]:
    """Make the cards: quality, supply, leaks, reports."""
    return [
        _quality(survey, words),
        _supply(survey, words),
        _leaks(survey, words),
        _reports(survey, list(requests), words),
    ]


def _quality(survey: Survey, words: Language) -> Card:
    title = words.text("Water quality")
    judged = [
        (node, one)
        for node in survey.nodes.values()
        for one in node.judged
        if one.verdicts[0].valid
    ]
    if not judged:
        text = words.text("Quality was not measured in this time.")
        return Card("drop", title, NONE, words.text("Not known"), text)
    valid = sum(one.verdicts[0].valid for _, one in judged)
    within = sum(one.verdicts[0].within for _, one in judged)
    node, worst = min(judged, key=lambda pair: pair[1].verdicts[0].share)
    share = worst.verdicts[0].share
    text = words.text(
        "%(share)s of all measurements were within the limits.", share=words.percent(within / valid)
    )
    more = words.text(
        "Most often outside: %(parameter)s at %(place)s, %(share)s within.",
        parameter=parameter(words, worst.parameter),
        place=node.title,
        share=words.percent(share),
    )
    state = GOOD if share >= _WITHIN else LOOK
    word = words.text("Good") if state == GOOD else words.text("Not always good")
    return Card("drop", title, state, word, text, "" if share == 1 else more)


def _supply(survey: Survey, words: Language) -> Card:
    title = words.text("Supply")
    measured = [z for z in survey.zones.values() if z.pressure is not None and len(z.pressure)]
    if not measured:
        text = words.text("Pressure was not measured in this time.")
        return Card("tap", title, NONE, words.text("Not known"), text)
    length_s = survey.period.end_s - survey.period.start_s
    dry = {z.title: sum(o.end_s - o.start_s for o in z.outages) for z in measured}
    share = 1 - sum(dry.values()) / (length_s * len(measured))
    text = words.text("Water came %(share)s of the time.", share=words.percent(share))
    worst = max(dry, key=lambda name: dry[name])
    more = words.text(
        "Longest without: %(zone)s, %(time)s in all.", zone=worst, time=words.duration(dry[worst])
    )
    state = GOOD if share >= _SUPPLIED else LOOK
    word = words.text("Steady") if state == GOOD else words.text("With interruptions")
    return Card("tap", title, state, word, text, more if dry[worst] else "")


def _leaks(survey: Survey, words: Language) -> Card:
    title = words.text("Leaks")
    bursts = [b for z in survey.zones.values() for b in z.bursts]
    open_ = [b for b in bursts if b.end_s is None]
    more = _share_lost(survey, words)
    if not bursts and not any(z.judged_from_s < survey.period.end_s for z in survey.zones.values()):
        text = words.text("Not enough nights were measured to tell.")
        return Card("pipe", title, NONE, words.text("Not known"), text)
    if open_:
        text = words.plural(
            "%(num)s suspected leak is not yet repaired.",
            "%(num)s suspected leaks are not yet repaired.",
            len(open_),
        )
        return Card("pipe", title, LOOK, words.text("Being lost now"), text, more)
    if bursts:
        text = words.plural(
            "%(num)s leak was suspected. It is repaired.",
            "%(num)s leaks were suspected. All are repaired.",
            len(bursts),
        )
        return Card("pipe", title, LOOK, words.text("Suspected, repaired"), text, more)
    text = words.text("The flow at night shows no new leak.")
    return Card("pipe", title, GOOD, words.text("None new"), text, more)


def _share_lost(survey: Survey, words: Language) -> str:
    known = [z.leakage for z in survey.zones.values() if z.leakage is not None]
    roots = [z.inflow for z in survey.zones.values() if z.zone.parent is None and z.inflow]
    seconds = min((v.seconds for v in roots), default=0.0)
    if not known or not seconds:
        return ""
    entered = sum(v.m3 for v in roots) / seconds * DAY_S
    lost = sum(x.day_m3 for x in known)
    spread = math.sqrt(sum(((x.high_lps - x.low_lps) / 2 * x.hour_day * 3.6) ** 2 for x in known))
    if entered <= 0:
        return ""
    low, high = max(0.0, lost - spread) / entered, min(1.0, (lost + spread) / entered)
    return words.text(
        "Of all water, about %(share)s is lost in leaks (between %(low)s and %(high)s).",
        share=words.percent(min(1.0, lost / entered), 0),
        low=words.percent(low, 0),
        high=words.percent(high, 0),
    )


def _reports(survey: Survey, requests: list[ServiceRequest], words: Language) -> Card:
    title = words.text("What people report")
    period = survey.period
    inside = [r for r in requests if period.start_s <= r.time_s < period.end_s]
    if not inside:
        text = words.text("No reports in this time, or none were imported.")
        return Card("voice", title, NONE, words.text("None"), text)
    (category, count), *_ = Counter(r.category for r in inside).most_common(1)
    closed = sum(r.closed for r in inside)
    return Card(
        "voice",
        title,
        LOOK,
        words.plural("%(num)s report", "%(num)s reports", len(inside)),
        reports(words, category, count),
        words.plural("%(num)s is answered.", "%(num)s are answered.", closed) if closed else "",
    )
