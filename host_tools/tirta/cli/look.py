# SPDX-License-Identifier: MIT
"""`tirta status` and `tirta plot`: how a node is, and what it measured."""

from argparse import ArgumentParser, Namespace
from datetime import timedelta
from pathlib import Path

from tirta.cli import say
from tirta.cli.command import LOOK, Command, json_argument, port_argument
from tirta.node import Node
from tirta.plot import plot
from tirta.ports import choose


def _status_arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    json_argument(parser)


def _status(args: Namespace) -> None:
    choice = choose(args.port, args.baud)
    with Node(choice.port, choice.baud) as node:
        status = node.status()
        hello = node.hello
    if args.json:
        say.document(status)
        return
    uptime = timedelta(seconds=int(status["uptime_s"]))
    first, beyond = status["oldest_record"], status["next_record"]
    records = f"{first} to {beyond - 1}" if first < beyond else "none yet"
    records += f" of epoch {status['epoch']}, log {status['log_used']:.0%} full"
    rows = [
        ("Node", f"{hello.node}  {hello.name}".rstrip()),
        ("Board", f"{hello.board}, firmware {hello.firmware}, {status['mode']}"),
        ("Records", records),
        ("Lost", f"{status['lost']} records, {status['overruns']} overruns"),
        ("Clock", status["clock"]),
        ("Up", f"{uptime} since {status['cause']}, boot {status['boot']}"),
        ("Heap", f"{status['heap_free']} bytes free"),
        ("Alarms", ", ".join(status["alarms"]) or "none"),
    ]  # fmt: skip
    for name, text in rows:
        say.out(f"{name:9} {text}")


def _plot_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("archive", metavar="DIR", type=Path, help="what `tirta pull` wrote")
    parser.add_argument("--node", metavar="NODE", help="which one, when the archive has several")
    parser.add_argument("--out", type=Path, metavar="PATH", help="file (default: in the archive)")
    json_argument(parser)


def _plot(args: Namespace) -> None:
    path = plot(args.archive, args.out, args.node)
    say.written(path, as_json=args.json)


COMMANDS = (
    Command(
        "status",
        LOOK,
        "tell how a node is",
        "tirta status /dev/ttyUSB0",
        _status_arguments,
        _status,
    ),
    Command(
        "plot",
        LOOK,
        "draw what a node measured",
        "tirta plot district7 --out district7.png",
        _plot_arguments,
        _plot,
    ),
)
