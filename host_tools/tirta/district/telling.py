# SPDX-License-Identifier: MIT
"""A survey in words: names, dates, litres and cubic metres, as `tirta district` prints them.

The id at the end of a line is what `--explain` takes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from tirta.archive import pack
from tirta.archive.evidence import Archive
from tirta.district import kinds
from tirta.district.figure import Figure
from tirta.district.signal import Evidence
from tirta.district.survey import Survey
from tirta.tables.layout import Shelf
from tirta.text import clean

_EVERY_DAY = ("/night/", "/night-flow/", "/inflow/", "/outside/")
_SHARES = {"completeness", "compliance", "nrw"}
_NAMES, _VALUES, _RANGES = 33, 12, 18  # columns


@dataclass(frozen=True)
class RecordsRow:
    """Records that a figure stands on, for a table: local times, and where they lie."""

    node: str
    channel: str
    start: str
    end: str
    numbers: str
    records: int
    epoch: int


def everyday(figure: Figure) -> bool:
    """Return whether there is one of it for each day or event, which an overview leaves out."""
    return any(word in figure.id for word in _EVERY_DAY)


def overview(survey: Survey, *, every: bool = False) -> Iterator[str]:
    """Yield the figures zone by zone and node by node, line by line."""
    period, name = survey.period, clean(survey.district.name)
    when = f"{_day(period.first)} to {_day(period.last)}, times of {period.zone}"
    yield f"{name}, {when}" if name else when
    by_holder: dict[str, list[Figure]] = {}
    for figure in survey.figures:
        if every or not everyday(figure):
            holder = kinds.split(figure.id)[0].split("/", maxsplit=1)[0]
            by_holder.setdefault(holder, []).append(figure)
    for holder, figures in by_holder.items():
        yield ""
        yield _holder(survey, holder)
        yield from (_line(survey, figure) for figure in figures)


def explained(survey: Survey, name: str) -> Iterator[str]:
    """Yield what a figure is, its formula, and what it is made from. Raises TirtaError for no
    figure.
    """
    figure = survey.figures[name]
    whose, kind, _ = kinds.split(figure.id)
    yield f"{_title(survey, figure)}, {_holder(survey, whose.split('/', maxsplit=1)[0])}"
    why = f"  ({figure.why})" if figure.why else ""
    between = f", between {_between(figure)} (k = 2)" if figure.low is not None else ""
    yield f"  {_value(figure)}{between}{why}"
    if kind:
        yield ""
        yield f"Formula: {kinds.KINDS[kind].formula}"
    if figure.parts:
        yield ""
        yield "Made from"
        yield from (_line(survey, survey.figures[part]) for part in figure.parts)


def records(survey: Survey, name: str) -> list[RecordsRow]:
    """Return the records that a figure stands on, with local times."""
    return [_row(survey, one) for one in survey.figures.records(name)]


def places(archive: Path, survey: Survey, name: str) -> list[str]:
    """Return where those records lie: the tables, and the pages that prove them."""
    found: dict[str, None] = {}
    for one in survey.figures.records(name):
        epoch = Archive(archive).epoch(one.node, one.epoch)
        tables = Shelf(archive, one.node, one.epoch).months().values()
        found |= dict.fromkeys(str(path) for path in tables)
        if (epoch.folder / "pages").is_dir():
            found[str(epoch.folder / "pages")] = None
        elif (archive / pack.FILE).is_file():
            found[str(archive / pack.FILE)] = None
    return list(found)


def _line(survey: Survey, figure: Figure) -> str:
    """A figure in columns: what it is, its value, its range, why, and its id."""
    title = _title(survey, figure)
    between = _between(figure).replace(" and ", " to ")
    line = f"  {title:{_NAMES}}  {_value(figure):>{_VALUES}}  {between:{_RANGES}}  {figure.id}"
    return line + (f"  ({clean(figure.why, 120)})" if figure.why else "")


def _title(survey: Survey, figure: Figure) -> str:
    """What a figure is called: its kind, its day or number, and its channel."""
    whose, kind, rest = kinds.split(figure.id)
    title = kinds.KINDS[kind].title if kind else clean(rest)
    _, _, channel = whose.partition("/")
    if channel:
        title = f"{clean(channel)}: {title[0].lower()}{title[1:]}"
    began = _began(survey, whose, kind, rest)
    if began:
        return f"{title} from {began}"
    try:
        return f"{title} {_day(date.fromisoformat(rest))}" if rest else title
    except ValueError:
        return f"{title} {clean(rest)}"


def _began(survey: Survey, zone: str, kind: str, number: str) -> str:
    """When the event of a zone's figure began; empty for other figures."""
    found = survey.zones.get(zone)
    if found is None or not number.isdecimal():
        return ""
    starts_s = {
        "burst": [b.start_s for b in found.bursts],
        "change": [b.start_s for b in found.changes],
        "no-supply": [o.start_s for o in found.outages],
        "backflow": [span.start_s for _, span in found.backflow],
    }.get(kind, [])
    if int(number) > len(starts_s):
        return ""
    began = datetime.fromtimestamp(starts_s[int(number) - 1], survey.period.zone)
    return f"{began.day} {began:%b %H:%M}"


def _holder(survey: Survey, name: str) -> str:
    """A zone or a node by its name."""
    if name in survey.zones:
        return f"{clean(survey.zones[name].title)} (zone {name})"
    if name in survey.nodes:
        return f"{clean(survey.nodes[name].title)} (node {name})"
    return clean(name)


def _value(figure: Figure) -> str:
    if not isinstance(figure.value, float | int):
        return "-" if figure.value is None else clean(figure.value)
    unit = {"m3": "m³", "uS/cm": "µS/cm", "degC": "°C"}.get(figure.unit, figure.unit)
    return f"{_number(figure, float(figure.value))} {unit}".rstrip()


def _number(figure: Figure, value: float) -> str:
    """About three digits, thousands apart."""
    if kinds.split(figure.id)[1] in _SHARES:
        share = min(value, 0.9999) if value < 1 else value  # never rounded up to a whole 100 %
        return f"{share * 100:.1f} %" if share < 0.999 else f"{share * 100:.4g} %"
    size = abs(value)
    digits = 3 if size < 0.1 else 2 if size < 10 else 1 if size < 100 else 0
    return f"{value:,.{digits}f}"


def _between(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"{_number(figure, figure.low)} and {_number(figure, figure.high)}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _row(survey: Survey, one: Evidence) -> RecordsRow:
    def local(time_s: float) -> str:
        return f"{datetime.fromtimestamp(time_s, survey.period.zone):%Y-%m-%d %H:%M:%S}"

    numbers = f"{one.first} to {one.last}"
    return RecordsRow(
        one.node, one.channel, local(one.start_s), local(one.end_s), numbers, one.records, one.epoch
    )
