# SPDX-License-Identifier: MIT
"""A district's figures and its page, what citizens report, and what operators know of a rise."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from tirta.cli import say
from tirta.cli.command import Work, json_argument
from tirta.district import acknowledged, feedback, kinds, priorities, telling, tree
from tirta.district.survey import Survey, survey
from tirta.text import clean, counted
from tirta.water import limits


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("archive", metavar="DIR", type=Path, help="what `tirta pull` wrote")
    parser.add_argument(
        "--district", type=Path, metavar="FILE", help="the district's zones, meters and places"
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
        "--explain",
        metavar="FIGURE",
        help="its formula, what it is made from, and the records that it stands on",
    )


def _district(args: Namespace) -> None:
    found = survey(
        args.archive,
        tree.load(args.district) if args.district else None,
        limits=limits.load(args.limits) if args.limits else None,
        month=args.month,
    )
    priorities.ranks(found)  # adds what can be won back
    if args.explain:
        _explain(args, found)
    elif args.json:
        shown = [f for f in found.figures if args.all or not telling.everyday(f)]
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
    else:
        for line in telling.overview(found, every=args.all):
            say.out(line)


def _explain(args: Namespace, found: Survey) -> None:
    """Print what a figure stands on."""
    figure, evidence = found.figures[args.explain], found.figures.records(args.explain)
    if args.json:
        kind = kinds.split(figure.id)[1]
        say.document(
            {
                **asdict(figure),
                "formula": kinds.KINDS[kind].formula if kind else "",
                "records": [asdict(e) for e in evidence],
            }
        )
        return
    for line in telling.explained(found, args.explain):
        say.out(line)
    if evidence:
        say.out("")
        titles = ("NODE", "CHANNEL", "FROM", "TO", "RECORDS", "COUNT", "EPOCH")
        rows = telling.records(found, args.explain)
        say.table(titles, [list(asdict(row).values()) for row in rows])
        say.out("")
        say.out("They lie in")
        for place in telling.places(args.archive, found, args.explain):
            say.out(f"  {place}")


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
    say.out(
        f"{counted(len(found.requests), 'request')} in {path}, without names, addresses or texts."
    )
    if found.skipped:
        say.say(f"Left out: {counted(found.skipped, 'request')} without a usable time.")


def _acknowledge_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("archive", metavar="DIR", type=Path, help="what `tirta pull` wrote")
    parser.add_argument("figure", metavar="FIGURE", help="the burst: z7/burst/1")
    parser.add_argument("--what", metavar="TEXT", help="what it is: new consumer, valve opened")
    parser.add_argument("--by", metavar="NAME", default="", help="who says so (default: you)")
    parser.add_argument("--withdraw", action="store_true", help="it is a burst after all")
    parser.add_argument(
        "--district", type=Path, metavar="FILE", help="the district's zones, meters and places"
    )
    parser.add_argument(
        "--month", metavar="YYYY-MM", help="local month (default: the last 31 days with records)"
    )
    json_argument(parser)


def _acknowledge(args: Namespace) -> None:
    district = tree.load(args.district) if args.district else None
    found = survey(args.archive, district, month=args.month)
    one = acknowledged.of_figure(
        found.figures[args.figure], args.what, args.by, withdraw=args.withdraw
    )
    path = acknowledged.add(args.archive, one)
    if args.json:
        say.document({**asdict(one), "file": str(path)})
        return
    began = datetime.fromtimestamp(one.start_s, found.period.zone)
    rise = f"the rise of {one.lps:.2g} L/s in {clean(one.zone)} from {began:%d %B %Y %H:%M}"
    if one.withdrawn:
        say.out(f"{rise[0].upper()}{rise[1:]} is a burst again. Kept in {path}.")
    else:
        say.out(f"{rise[0].upper()}{rise[1:]} is no burst: {clean(one.what)}. Kept in {path}.")


WORK: Work = {
    "district": (_district_arguments, _district),
    "report": (_report_arguments, _report),
    "acknowledge": (_acknowledge_arguments, _acknowledge),
    "feedback import": (_import_arguments, _import),
}
