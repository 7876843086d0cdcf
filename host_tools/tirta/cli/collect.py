# SPDX-License-Identifier: MIT
"""`tirta pull` and `tirta export`: a node's log onto this computer, and out into other programs."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from tirta.cli import say
from tirta.cli.command import PULL, Command, json_argument, port_argument
from tirta.export import WRITERS, export
from tirta.node import Node
from tirta.ports import choose
from tirta.progress import bar
from tirta.pull import pull

_ARCHIVE = Path("archive")


def _pull_arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    parser.add_argument(
        "--archive", type=Path, default=_ARCHIVE, metavar="DIR", help="where to (default: archive)"
    )
    parser.add_argument(
        "--since",
        type=_record_number,
        default=0,
        metavar="N",
        help="only from this record number on",
    )
    json_argument(parser)


def _record_number(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError
    return value


def _pull(args: Namespace) -> None:
    choice = choose(args.port, args.baud)
    with Node(choice.port, choice.baud) as node, bar("Pulling") as progress:
        result = pull(node, args.archive, args.since, progress)
    if args.json:
        say.document(result.as_json())
        return
    which = f", {result.first} to {result.last}" if result.records else ""
    say.out(
        f"{result.records} new records{which} from node {result.node} in {result.seconds:.1f} s;"
        f" the archive has {result.total}."
    )
    for first, last, state in result.holes:
        say.say(f"Records {first} to {last} are {state}.")


def _export_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("archive", metavar="DIR", type=Path, help="what `tirta pull` wrote")
    parser.add_argument("--to", required=True, choices=sorted(WRITERS), help="file format")
    parser.add_argument("--out", type=Path, metavar="PATH", help="file (default: in the archive)")
    json_argument(parser)


def _export(args: Namespace) -> None:
    path = export(args.archive, args.to, args.out)
    say.written(path, as_json=args.json)


COMMANDS = (
    Command(
        "pull",
        PULL,
        "bring a node's log into an archive; run it again to go on or to get what is new",
        "tirta pull /dev/ttyUSB0 --archive district7",
        _pull_arguments,
        _pull,
    ),
    Command(
        "export",
        PULL,
        "write an archive's records as one file",
        "tirta export district7 --to csv --out district7.csv",
        _export_arguments,
        _export,
    ),
)
