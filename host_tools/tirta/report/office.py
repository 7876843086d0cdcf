# SPDX-License-Identifier: MIT
"""The office's first look: what to do next, what is open, and what it is worth."""

from dataclasses import dataclass

from tirta.district import priorities
from tirta.district.priorities import Matter, Open, Rank
from tirta.district.survey import Survey
from tirta.report.language import Language
from tirta.report.words import parameter
from tirta.water.definitions import DAY_S


@dataclass(frozen=True)
class OfficeLine:
    """A zone in the order of what can be won back; the numbers are for sorting."""

    zone: str
    title: str
    volume: str
    between: str
    share: str
    money: str
    bar: float  # of the largest, 0 to 1


@dataclass(frozen=True)
class Task:
    """Something that is open, since when, and what to do."""

    kind: str
    what: str
    since: str
    do: str
    zone: str


@dataclass(frozen=True)
class Office:
    """`headline` is the total in a word, `detail` the sentences under it."""

    headline: str
    detail: list[str]
    lines: list[OfficeLine]
    tasks: list[Task]


def office(survey: Survey, words: Language) -> Office:
    """Work out what the view says."""
    ranked = priorities.ranks(survey)
    most = max((r.m3 for r in ranked), default=0.0)
    return Office(
        *_total(survey, ranked, words),
        [_line(r, most, survey, words) for r in ranked],
        [_task(m, words) for m in priorities.open_matters(survey)],
    )


def _total(survey: Survey, ranked: list[Rank], words: Language) -> tuple[str, list[str]]:
    if not ranked:
        text = words.text(
            "No zone has its connections and their night use in the district file: without them"
            " leakage cannot be estimated."
        )
        return words.text("Not known"), [text]
    found = priorities.total(survey, ranked)
    days = (survey.period.end_s - survey.period.start_s) / DAY_S
    detail = [
        words.plural(
            "Between %(low)s and %(high)s m³ in %(days)s days, in %(num)s zone.",
            "Between %(low)s and %(high)s m³ in %(days)s days, in %(num)s zones.",
            found.zones,
            low=words.number(found.low_m3, 0),
            high=words.number(found.high_m3, 0),
            days=words.number(days, 0),
        )
    ]
    if found.money is not None:
        detail.append(
            words.text(
                "At %(price)s a cubic metre that is worth %(money)s.",
                price=money(survey, survey.district.price_per_m3 or 0.0, words),
                money=money(survey, found.money, words),
            )
        )
    if found.non_revenue is not None:
        detail.append(
            words.plural(
                "Non-revenue water: %(share)s, of the %(num)s zone whose billing is known.",
                "Non-revenue water: %(share)s, of the %(num)s zones whose billing is known.",
                found.billed_zones,
                share=words.percent(found.non_revenue),
            )
        )
    headline = words.text("%(volume)s m³ can be won back", volume=words.number(found.m3, 0))
    return headline, detail


def _line(rank: Rank, most: float, survey: Survey, words: Language) -> OfficeLine:
    between = words.text(
        "%(low)s to %(high)s",
        low=words.number(rank.low_m3, 0),
        high=words.number(rank.high_m3, 0),
    )
    return OfficeLine(
        rank.zone.zone.id,
        rank.zone.title,
        f"{words.number(rank.m3, 0)} m³",
        between,
        "" if rank.share is None else words.percent(rank.share, 0),
        "" if rank.money is None else money(survey, rank.money, words),
        rank.m3 / most if most else 0.0,
    )


def money(survey: Survey, amount: float, words: Language) -> str:
    """Write an amount in the district's currency, in three digits: no more are known."""
    exact = amount == round(amount) and amount < 1e6  # a price stays as it was written
    known = amount if exact else float(f"{amount:.3g}")
    return f"{survey.district.currency} {words.number(known, 0 if known >= 100 else 2)}"


def _task(one: Open, words: Language) -> Task:
    values = {"where": one.where}
    what, do = {
        Matter.LEAK: (
            words.text(
                "New leak suspected in %(where)s, about %(flow)s L/s.",
                **values,
                flow=words.significant(one.lps) if one.matter is Matter.LEAK else "",
            ),
            words.text("Send a crew to locate it; ask first whether a large consumer is new."),
        ),
        Matter.DRY: (
            words.text("No water in %(where)s.", **values),
            words.text("Check valves and supply of the zone, and the pressure sensor."),
        ),
        Matter.METER: (
            words.text("In %(where)s more water left than entered.", **values),
            words.text("Check its meters: direction, pulse weight, and which zones they feed."),
        ),
        Matter.SICK: (
            words.text(
                "Meter %(name)s of %(where)s is not to be believed.", **values, name=one.name
            ),
            words.text("Check it on site; until then its flow is in no figure."),
        ),
        Matter.SILENT: (
            words.text("No data of %(where)s.", **values),
            words.text("Visit it: tirta doctor says what is wrong, tirta pull brings its log."),
        ),
        Matter.ALARM: (
            words.text("Alarm %(name)s of %(where)s is raised.", **values, name=one.name),
            words.text("Look at its chart; tirta doctor on site says what raised it."),
        ),
        Matter.QUALITY: (
            words.text(
                "%(parameter)s at %(where)s is outside its limit.",
                **values,
                parameter=parameter(words, one.name),
            ),
            words.text("Take a sample; check dosing and the sensor."),
        ),
    }[one.matter]
    since = words.text("since %(time)s", time=words.time(one.since_s, "d MMMM HH:mm"))
    return Task(one.matter.value, what, since, do, one.zone)
