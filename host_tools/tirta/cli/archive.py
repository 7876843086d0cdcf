# SPDX-License-Identifier: MIT
"""`tirta query` and `tirta archive check`: questions to an archive, and whether it is whole."""

import csv
import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tirta.cli import say
from tirta.cli.command import Work, json_argument
from tirta.exports.cells import cell, plain
from tirta.progress import bar
from tirta.tables import check, query
from tirta.tables.landing import Landed
from tirta.text import clean, counted

_WIDE = 120  # letters of a cell at most


def _query_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("archive", metavar="DIR", type=Path, help="what `tirta pull` wrote")
    parser.add_argument("sql", metavar="SQL", help="one SELECT; README.md in DIR has the columns")
    parser.add_argument("--csv", action="store_true", help="print CSV")
    json_argument(parser)


def _query(args: Namespace) -> None:
    names, batches = query.query(args.archive, args.sql)
    if args.json:
        say.documents(plain(row) for batch in batches for row in batch.to_pylist())
    elif args.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow([cell(name) for name in names])
        for batch in batches:
            cells = ([cell(value) for value in column.to_pylist()] for column in batch.columns)
            writer.writerows(zip(*cells, strict=True))
    else:
        columns: list[list[str]] = [[] for _ in names]
        for batch in batches:
            for shown, column in zip(columns, batch.columns, strict=True):
                shown += [clean(cell(value), _WIDE) for value in column.to_pylist()]
        say.table(names, list(zip(*columns, strict=True)))


def _check_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("archive", metavar="DIR", type=Path, help="what `tirta pull` wrote")
    parser.add_argument(
        "--rebuild",
        action="store_true",
        help="set damaged files aside and make all tables anew from the pages",
    )
    json_argument(parser)


def _check(args: Namespace) -> int:
    with bar(say.translated("Checking")) as progress:
        found = check.check(args.archive, progress)
    aside: list[str] = []
    landed = Landed()
    if args.rebuild:
        with bar(say.translated("Rebuilding")) as progress:
            aside, landed = check.rebuild(args.archive, os.cpu_count() or 1, progress)
    if args.json:
        rebuilt = {"aside": aside, "values": landed.values} if args.rebuild else None
        say.document({**found.as_json(), "rebuilt": rebuilt})
    else:
        for finding in found.findings:
            say.out(f"{finding.path} {say.translated(finding.what)}")
            say.out(f"  {say.translated(finding.next)}")
        if found.ok:
            say.out(
                f"{args.archive} is whole: {counted(found.pages, 'page')} of"
                f" {counted(found.nodes, 'node')}, {counted(found.tables, 'table')}."
            )
        for path in aside:
            say.out(f"{path} is kept there.")
        if args.rebuild:
            say.out(f"All tables are made anew: {counted(landed.values, 'value')}.")
    return 0 if found.ok or args.rebuild else 1


WORK: Work = {
    "archive check": (_check_arguments, _check),
    "query": (_query_arguments, _query),
}
