# SPDX-License-Identifier: MIT
"""`tirta provision`: a box of boards becomes nodes."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from tirta.cli import say
from tirta.cli.command import (
    Work,
    json_argument,
    labels_argument,
    unlisted_argument,
    was_locked_argument,
)
from tirta.install.batch import DONE, BoardResult, How, provision


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--batch",
        type=Path,
        required=True,
        metavar="FILE",
        help="CSV: name, port or serial_number, board, district, latitude, longitude, config, key",
    )
    parser.add_argument(
        "--micropython",
        type=Path,
        metavar="FILE",
        help="image for bare boards; without it they must run MicroPython with our partitions",
    )
    unlisted_argument(parser)
    parser.add_argument(
        "--no-start", action="store_true", help="write and verify only; do not wait for the nodes"
    )
    parser.add_argument(
        "--open",
        action="store_true",
        help="for a bench: do not lock the nodes whose key is empty",
    )
    was_locked_argument(parser)
    labels_argument(parser)
    json_argument(parser)


def _run(args: Namespace) -> int:
    how = How(
        args.micropython,
        args.allow_unlisted,
        not args.no_start,
        args.labels,
        args.open,
        tuple(args.was_locked),
    )
    results = provision(args.batch, how, _told)
    failed = [result for result in results if result.result != DONE]
    if args.json:
        say.document([asdict(result) for result in results])
    else:
        titles = ("NAME", "NODE", "BOARD", "FIRMWARE", "MODE", "RESULT")
        rows = [(r.name, r.node, r.board, r.firmware, r.mode, r.result) for r in results]
        say.table(titles, rows)
        say.out(str(args.batch.with_suffix(".report.csv")))
        say.out(str(args.batch.with_suffix(".report.html")))
    if failed:
        say.error(
            f"{len(failed)} of {len(results)} boards failed.",
            "Run the same command again: boards that are done are left alone.",
        )
    return 1 if failed else 0


def _told(result: BoardResult) -> None:
    if result.result == DONE:
        say.say(f"{result.name}: {result.node} is done.")
        return
    say.say(f"{result.name}: {say.translated(result.why)}")
    if result.then:
        say.say(f"  {say.translated(result.then)}")


WORK: Work = {
    "provision": (_arguments, _run),
}
