# SPDX-License-Identifier: MIT
"""`tirta labels`: a sheet to print for a batch of nodes."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from tirta.cli import say
from tirta.cli.command import Work, json_argument
from tirta.install import label_sheet


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "batch", metavar="FILE", type=Path, help="the list that `tirta provision` worked through"
    )
    parser.add_argument(
        "--out", type=Path, metavar="PATH", help="sheet to write (default: FILE.labels.html)"
    )
    json_argument(parser)


def _labels(args: Namespace) -> None:
    labels = label_sheet.of_report(args.batch)
    out = args.out or args.batch.with_suffix(".labels.html")
    say.written(label_sheet.write(labels, out), as_json=args.json)
    say.say("Open it in a browser and print it at 100 %: labels of 62 x 29 mm, three in a row.")


WORK: Work = {
    "labels": (_arguments, _labels),
}
