# SPDX-License-Identifier: MIT
"""The page, put together: data once, text in every language, nothing from outside.

Names of nodes, zones and events are other people's text: the template escapes all of it, and the
JSON that the script reads is escaped for HTML as well.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tirta import __version__
from tirta.district import feedback, tree
from tirta.district.feedback import ServiceRequest
from tirta.district.survey import Survey, survey
from tirta.district.tree import Zone
from tirta.files import atomic
from tirta.report import charts, large, network
from tirta.report.calendar import rows
from tirta.report.cards import cards
from tirta.report.happenings import days
from tirta.report.health import health
from tirta.report.language import LANGUAGES, Language
from tirta.report.large import Scale
from tirta.report.office import office
from tirta.report.words import limit_text, parameter
from tirta.report.zone_view import sums, zone_view
from tirta.water import limits

_ASSETS = Path(__file__).parent / "assets"
_POLICY = (  # nothing is loaded, whatever a text in the page says
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
)
_MOST_DAYS = 62
_FEW_PLACES = 12


@dataclass(frozen=True)
class Options:
    """What a report may be told: files that replace or add to what is known without them."""

    district: Path | None = None
    limits: Path | None = None
    requests: Path | None = None
    month: str | None = None


def report(archive: Path, out: Path | None = None, options: Options | None = None) -> Path:
    """Write the page of an archive's district; return the file (ARCHIVE/report.html)."""
    options = options or Options()
    found = survey(
        archive,
        tree.load(options.district) if options.district else None,
        limits=limits.load(options.limits) if options.limits else None,
        month=options.month,
    )
    if options.requests:
        requests = feedback.read(options.requests).requests
    else:
        requests = feedback.stored(archive)
    path = out or archive / "report.html"
    atomic.write(path, page(found, requests).encode())
    return path


def page(found: Survey, requests: Iterable[ServiceRequest]) -> str:
    """Write the whole HTML text."""
    requests = list(requests)
    environment = Environment(
        loader=PackageLoader("tirta.report", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    spoken = [Language(code, found.period.zone) for code in LANGUAGES]
    signals = sum(len(n.data.signals) for n in found.nodes.values())
    scale = large.scale(len(found.nodes), len(found.zones), signals)
    sections = {words.code: _sections(environment, found, words, scale) for words in spoken}
    bodies = []
    for words in spoken:
        plain = Markup("") if scale.packed else Markup("\n").join(sections[words.code].values())
        bodies.append((words, _body(environment, found, requests, words, scale, plain)))
    document = charts.document(found, requests, scale)
    document["words"] = {words.code: _script_words(words) for words in spoken}
    packed = {"data": large.pack(document)} if scale.packed else {}
    if scale.packed:
        packed |= {f"zones-{code}": large.pack(texts) for code, texts in sections.items()}
    return environment.get_template("page.html.j2").render(
        title=_title(found),
        bodies=bodies,
        data=None if scale.packed else _json(document),
        packed=packed,
        style=_asset("uplot.min.css") + _asset("style.css"),
        chart_script=_asset("uplot.min.js"),
        script=_asset("page.js"),
        licence=(_ASSETS / "uplot.LICENSE").read_text(encoding="utf-8"),
        policy=_POLICY,
    )


def _title(found: Survey) -> str:
    names = [n.title for n in found.nodes.values()]
    return found.district.name or (names[0] if len(names) == 1 else "Tirta")


def _sections(
    environment: Environment, found: Survey, words: Language, scale: Scale
) -> dict[str, Markup]:
    """What the page shows of each zone, by its id."""
    _speak(environment, words)
    template = environment.get_template("zone.html.j2")
    steps = _steps(found, words, scale)
    return {
        zone.id: Markup(  # noqa: S704 - the template escaped it
            template.render(
                lang=words.code,
                zone=zone_view(found.zones[zone.id], found, depth, words),
                steps=steps,
                first=not at,
            )
        )
        for at, (zone, depth) in enumerate(_ordered(found))
    }


def _speak(environment: Environment, words: Language) -> None:
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        words.gettext, words.ngettext, newstyle=True
    )


def _steps(found: Survey, words: Language, scale: Scale) -> list[str]:
    return [words.duration(charts.step_s(found, scale.flow_columns))]


def _body(
    environment: Environment,
    found: Survey,
    requests: list[ServiceRequest],
    words: Language,
    scale: Scale,
    sections: Markup,
) -> Markup:
    _speak(environment, words)
    picture = network.picture(found, words)
    billed = any(z.billed_m3 is not None for z in found.zones.values())
    story = days(found, requests, words)
    text = environment.get_template("body.html.j2").render(
        lang=words.code,
        title=_title(found),
        period=words.text(
            "%(first)s to %(last)s",
            first=words.day(found.period.first),
            last=words.day(found.period.last),
        ),
        days=[
            (words.day(d, "d"), words.day(d, "EEEE d MMMM"), d.weekday()) for d in found.period.days
        ],
        cards=cards(found, requests, words),
        rows=rows(found, requests, words),
        story=story[-_MOST_DAYS:],
        not_shown=max(0, len(story) - _MOST_DAYS),
        office=office(found, words),
        picture=picture,
        places=_worst_first(picture.dots),
        size=(network.WIDTH, network.HEIGHT),
        billed=billed,
        columns=_columns(words, billed=billed),
        sums=sums(found, words),
        sections=sections,
        zones=[zone_view(found.zones[z.id], found, d, words) for z, d in _ordered(found)],
        others=[health(found.nodes[n], words) for n in _unplaced(found)],
        strangers=[found.nodes[n].title for n in found.strangers] if found.district.node else [],
        limits=_limits(found, words),
        turbidity=charts.worst(found) is not None,
        has_requests=bool(requests),
        made=words.time(datetime.now(UTC).timestamp(), "d MMMM y HH:mm"),
        zone_name=str(found.period.zone),
        version=__version__,
    )
    return Markup(text)  # noqa: S704 - the template escaped it


def _worst_first(dots: list[network.Dot]) -> list[network.Dot]:
    """Few places in the order of the network, many with those first that need somebody."""
    if len(dots) <= _FEW_PLACES:
        return dots
    return sorted(dots, key=lambda dot: network.STATES.index(dot.state))


def _columns(words: Language, *, billed: bool) -> list[tuple[str, str]]:
    """The titles of the table of zones, and what each is sorted by."""
    found = [
        (words.text("Zone"), "name"),
        (words.text("Inflow"), "inflow"),
        (words.text("Night flow"), "night"),
        (words.text("Nights"), "nights"),
        (words.text("Leakage"), "leakage"),
        (words.text("Net inflow"), "own"),
    ]
    if billed:
        found.append((words.text("Not billed"), "billed"))
    return [*found, (words.text("Bursts"), "bursts")]


def _ordered(found: Survey) -> list[tuple[Zone, int]]:
    """Zones with their depth, parents before children."""

    def walk(parent: str | None, depth: int) -> list[tuple[Zone, int]]:
        return [
            pair
            for zone in found.district.children(parent)
            for pair in [(zone, depth), *walk(zone.id, depth + 1)]
        ]

    return walk(None, 0)


def _unplaced(found: Survey) -> list[str]:
    """Nodes that no zone shows."""
    placed = {n.id for n in found.district.node if n.zone}
    placed |= {s.node for z in found.zones.values() for s in z.inlets}
    return [node for node in found.nodes if node not in placed]


def _limits(found: Survey, words: Language) -> list[dict[str, str]]:
    return [
        {
            "parameter": parameter(words, one.parameter),
            "limit": limit_text(words, one.low, one.high, one.unit),
            "source": found.limits.source[one.source].told(words.code).title,
            "via": found.limits.source[one.source].told(words.code).via,
        }
        for one in found.limits.limit
        if any(j.parameter == one.parameter for n in found.nodes.values() for j in n.judged)
    ]


def _script_words(words: Language) -> dict[str, Any]:
    """What the charts say."""
    months = words.locale.months["format"]
    days = words.locale.days["format"]
    return {
        "MMMM": [months["wide"][i] for i in range(1, 13)],
        "MMM": [months["abbreviated"][i] for i in range(1, 13)],
        "WWWW": [days["wide"][i] for i in (6, 0, 1, 2, 3, 4, 5)],
        "WWW": [days["abbreviated"][i] for i in (6, 0, 1, 2, 3, 4, 5)],
        "time": words.text("Time"),
        "flow": words.text("Flow"),
        "least": words.text("least"),
        "most": words.text("most"),
        "mean": words.text("mean"),
        "night": words.text("Night flow"),
        "skipped": words.text("Night that does not count"),
        "reported": words.text("20th percentile of 7 nights"),
        "use": words.text("Legitimate night use"),
        "leak": words.text("Leakage"),
        "burst": words.text("burst"),
        "dry": words.text("no water"),
        "hole": words.text("no data"),
        "limit": words.text("limit"),
        "turbidity": words.text("Turbidity, highest of the district"),
        "reports": words.text("Reports of people"),
        "brown": words.text("of brown water"),
        "found": words.text("%(found)s of %(all)s zones", found="{found}", all="{all}"),
        "decimal": words.locale.number_symbols["latn"]["decimal"],
    }


def _json(document: dict[str, Any]) -> Markup:
    """JSON that cannot end its script element, whatever texts are in it."""
    text = json.dumps(document, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - nothing in it means anything to HTML any more


def _asset(name: str) -> Markup:
    return Markup((_ASSETS / name).read_text(encoding="utf-8"))  # noqa: S704 - our own files
