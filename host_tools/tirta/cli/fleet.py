# SPDX-License-Identifier: MIT
"""`tirta fleet`, who is behind in all cities, and `tirta serve`, the same as a page."""

import time
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

from tirta.cli import say
from tirta.cli.command import Work, json_argument, whole
from tirta.errors import TirtaError
from tirta.files.paths import doc
from tirta.fleet import questions
from tirta.fleet.gathering import Gathering
from tirta.fleet.questions import MOST_ROWS, SORTS, WRONGS, Question, Tally
from tirta.tables import layout
from tirta.text import clean, scaled

PORT = 8780
_HERE = "127.0.0.1"
SAID_ELSEWHERE = ("silent", "behind", "ok")  # states of a node


def _source_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "source", type=Path, metavar="SOURCE",
        help="a folder with the archive of each city that `tirta receive` keeps, or one of them",
    )  # fmt: skip


def _fleet_arguments(parser: ArgumentParser) -> None:
    _source_argument(parser)
    parser.add_argument("--city", metavar="NAME", help="its districts, and its nodes")
    parser.add_argument("--district", metavar="NAME", help="only this district's nodes")
    parser.add_argument(
        "--only", choices=WRONGS, metavar="STATE", help=f"only nodes that are: {', '.join(WRONGS)}"
    )
    parser.add_argument("--search", default="", metavar="WORDS", help="only nodes with these words")
    parser.add_argument(
        "--sort", choices=SORTS, default="worst", metavar="COLUMN",
        help=f"order of the nodes: {', '.join(SORTS)}",
    )  # fmt: skip
    parser.add_argument("--descending", action="store_true", help="the other way round")
    parser.add_argument(
        "--count", type=whole, default=20, metavar="N",
        help=f"nodes that are listed (default 20, at most {MOST_ROWS})",
    )  # fmt: skip
    json_argument(parser)


def _fleet(args: Namespace) -> None:
    fleet = Gathering(args.source)
    now = time.time()
    wanted = Question(
        args.city, args.district, args.only, args.search, args.sort, args.descending, 0, args.count
    )
    if args.city is not None and fleet.archive(args.city) is None:
        raise TirtaError(
            f"There is no city {args.city} in {args.source}.",
            f"There are: {', '.join(fleet.names()[:20])}.",
        )
    if args.city is None:
        sums = questions.by_city(fleet, replace(wanted, wrong=None), now)
    else:
        sums = questions.by_district(fleet, replace(wanted, wrong=None), now)
    count, nodes = questions.nodes(fleet, wanted, now)
    if args.json:
        parts = "cities" if args.city is None else "districts"
        say.document({
            "total": questions.total(sums), parts: [one.as_json() for one in sums],
            "count": count, "nodes": nodes,
        })  # fmt: skip
        return
    _places(sums, by_city=args.city is None)
    say.out("")
    if not nodes:
        say.out("No node is so.")
        return
    titles = (
        "CITY", "DISTRICT", "NODE", "NAME", "STATE", "HEARD", "MISSING", "LOST", "CLOCK",
        "BATTERY", "ALARMS", "FIRMWARE",
    )  # fmt: skip
    say.table(titles, [_row(node, now) for node in nodes])
    if count > len(nodes):
        say.say(f"{len(nodes)} of {count} nodes: --count, --only and --search show others.")


def _places(sums: list[Tally], *, by_city: bool) -> None:
    titles = (
        "CITY" if by_city else "DISTRICT", "NODES", "OK", "SILENT", "BEHIND", "ALARMS", "BATTERY",
        "CLOCK", "MISSING", "LOST",
    )  # fmt: skip
    rows = [
        [clean((one.city if by_city else one.district) or "-"), *_counts(one.as_json())]
        for one in sums
    ]
    if len(rows) > 1:
        rows.append([say.translated("all"), *_counts(questions.total(sums))])
    say.table(titles, rows)


def _counts(told: dict[str, Any]) -> list[str]:
    names = "nodes", "ok", "silent", "behind", "alarms", "battery", "clock", "missing"
    return [str(told[name]) for name in (*names, "records_lost")]


def _row(node: dict[str, Any], now: float) -> list[str]:
    heard = _ago(now - node["heard"]) if node["heard"] else say.translated("never")
    clock = f"{node['clock_ms']} ms" if node["clock_ms"] >= 0 else ""
    battery = "" if node["battery_v"] is None else f"{node['battery_v']:.1f} V"
    told = [clean(node[name]) for name in ("city", "district", "node", "name")]
    told += [say.translated(node["state"])]
    more = [str(node["missing"]), str(node["lost"]), clock, battery]
    return [*told, heard, *more, clean(node["alarms"]), clean(node["firmware"])]


def _ago(seconds: float) -> str:
    """Say how long ago it was, as exactly as anybody wants to know."""
    value, unit = scaled(max(0.0, seconds))
    told = f"{value:.0f} {unit}"
    return say.translated(f"{told} ago")


def _serve_arguments(parser: ArgumentParser) -> None:
    _source_argument(parser)
    parser.add_argument(
        "--host", default=_HERE, metavar="ADDRESS",
        help="address to listen at (default 127.0.0.1: this computer only); others need --keys",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=whole, default=PORT, metavar="N", help=f"default {PORT}; 0: any free one"
    )
    parser.add_argument("--keys", type=Path, metavar="FILE", help="TOML: who may see which city")
    parser.add_argument(
        "--lake", type=Path, metavar="LAKE",
        help="SensorThings also has the records that `tirta receive --lake LAKE` wrote",
    )  # fmt: skip


def _serve(args: Namespace) -> None:
    try:
        from tirta.fleet.gate import LOOPBACK, Gate  # noqa: PLC0415 - an extra
        from tirta.fleet.listening import listen  # noqa: PLC0415
        from tirta.fleet.service import Serving, application  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise TirtaError(
            "What serves pages is not installed.", "Install it: pip install 'tirta[serve]'."
        ) from error
    if args.host not in LOOPBACK and args.keys is None:
        raise TirtaError(
            f"Whoever reaches {args.host} could see every city.",
            f"Say who may see which: --keys FILE ({doc('CENTRE.md')}); or leave --host out.",
        )
    if args.lake is not None:
        _must_be_lake(args.lake)
    gate = Gate.of(args.keys) if args.keys else Gate()
    serving = Serving(Gathering(args.source), gate, _report, _trouble, args.lake)
    listen(application(serving), args.host, args.port, say.out)


def _must_be_lake(path: Path) -> None:
    try:
        import deltalake  # noqa: F401, PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise TirtaError(
            "Delta Lake is not installed.", "Install it: pip install 'tirta[lake]'."
        ) from error
    if not layout.is_lake(path):
        raise TirtaError(
            f"{path} is no lake.", "Name a folder that `tirta lake write` or `receive` wrote to."
        )


def _report(archive: Path, district: Path | None, out: Path) -> None:
    from tirta.report.build import Options, report  # noqa: PLC0415 - takes a second to load

    report(archive, out, Options(district=district))


def _trouble(error: TirtaError) -> None:
    say.error(error.what, error.hint)


WORK: Work = {"fleet": (_fleet_arguments, _fleet), "serve": (_serve_arguments, _serve)}
