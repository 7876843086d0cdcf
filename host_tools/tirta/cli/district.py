# SPDX-License-Identifier: MIT
"""`tirta district`, `tirta report`, `tirta feedback import`: a district's figures and its page."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from tirta import limits
from tirta.cli import say
from tirta.cli.command import Work, json_argument
from tirta.district import feedback, tree
from tirta.district.figure import Figure
from tirta.district.survey import survey
from tirta.text import clean

_EVERY_DAY = ("/night/", "/night-flow/", "/inflow/", "/outside/")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("archive", metavar="DIR", type=Path, help="what `tirta pull` wrote")
    parser.add_argument(
        "--district", type=Path, metavar="FILE", help="zones, meters and places (docs/DISTRICT.md)"
    )
    parser.add_argument("--limits", type=Path, metavar="FILE", help="your own limits of quality")
    parser.add_argument(
        "--month", metavar="YYYY-MM", help="local month (default: the last 31 days with records)"
    )
    json_argument(parser)


def _district_arguments(parser: ArgumentParser) -> None:
    _arguments(parser)
    parser.add_argument("--all", action="store_true", help="also the figures of every day")
    parser.add_argument(
        "--explain", metavar="FIGURE", help="list the records that a figure stands on"
    )


def _district(args: Namespace) -> None:
    found = survey(
        args.archive,
        tree.load(args.district) if args.district else None,
        limits=limits.load(args.limits) if args.limits else None,
        month=args.month,
    )
    if args.explain:
        figure, records = found.figures[args.explain], found.figures.records(args.explain)
        if args.json:
            say.document({**asdict(figure), "records": [asdict(e) for e in records]})
            return
        say.out(_line(figure))
        if figure.parts:
            say.out(f"made from: {', '.join(figure.parts)}")
        titles = ("NODE", "EPOCH", "CHANNEL", "FIRST", "LAST", "RECORDS")
        say.table(
            titles, [[e.node, e.epoch, e.channel, e.first, e.last, e.records] for e in records]
        )
        return
    shown = [f for f in found.figures if args.all or not any(w in f.id for w in _EVERY_DAY)]
    if args.json:
        say.document(
            {
                "first": str(found.period.first),
                "last": str(found.period.last),
                "figures": [
                    {k: v for k, v in asdict(f).items() if k not in {"parts", "records"}}
                    for f in shown
                ],
            }
        )
        return
    say.say(f"{found.period.first} to {found.period.last}, {found.period.zone}")
    for figure in shown:
        say.out(_line(figure))


def _line(figure: Figure) -> str:
    if isinstance(figure.value, float):
        value = f"{figure.value:.4g} {figure.unit}".rstrip()
    else:
        value = "-" if figure.value is None else str(figure.value)
    between = ""
    if figure.low is not None and figure.high is not None:
        between = f"{figure.low:.4g} to {figure.high:.4g}"
    return f"{clean(figure.id):40} {value:16} {between:20} {figure.why}".rstrip()


def _report_arguments(parser: ArgumentParser) -> None:
    _arguments(parser)
    parser.add_argument(
        "--requests", type=Path, metavar="FILE", help="citizens' reports, Open311 GeoReport v2"
    )
    parser.add_argument("--out", type=Path, metavar="PATH", help="file (default: in the archive)")


def _report(args: Namespace) -> None:
    from tirta.report.build import Options, report  # noqa: PLC0415 - jinja2 and babel take a moment

    options = Options(args.district, args.limits, args.requests, args.month)
    say.written(report(args.archive, args.out, options), as_json=args.json)


def _import_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="GeoReport v2, JSON or XML")
    parser.add_argument(
        "--archive", type=Path, default=Path("archive"), metavar="DIR", help="where to keep them"
    )
    json_argument(parser)


def _import(args: Namespace) -> None:
    found = feedback.read(args.file)
    path = feedback.store(args.archive, found)
    if args.json:
        document = {"requests": len(found.requests), "skipped": found.skipped, "file": str(path)}
        say.document(document)
        return
    say.out(f"{len(found.requests)} requests in {path}, without names, addresses or texts.")
    if found.skipped:
        say.say(f"{found.skipped} requests have no usable time and were left out.")


WORK: Work = {
    "district": (_district_arguments, _district),
    "report": (_report_arguments, _report),
    "feedback import": (_import_arguments, _import),
}
