# SPDX-License-Identifier: MIT
"""`tirta plot`: what a node measured, as a picture."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from tirta.cli import say
from tirta.cli.command import Work, json_argument
from tirta.exports.plot import plot


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("archive", metavar="DIR", type=Path, help="what `tirta pull` wrote")
    parser.add_argument("--node", metavar="NODE", help="which one, when the archive has several")
    parser.add_argument("--out", type=Path, metavar="PATH", help="file (default: in the archive)")
    json_argument(parser)


def _plot(args: Namespace) -> None:
    path = plot(args.archive, args.out, args.node)
    say.written(path, as_json=args.json)


WORK: Work = {"plot": (_arguments, _plot)}
