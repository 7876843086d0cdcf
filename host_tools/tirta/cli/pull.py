# SPDX-License-Identifier: MIT
"""`tirta pull` and `tirta tail`: a node's log onto this computer, and its records as they come."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tirta import virtual
from tirta.cli import say
from tirta.cli.command import Work, json_argument, port_argument
from tirta.errors import TirtaError
from tirta.exports.selection import moment
from tirta.node import Node
from tirta.node.discover import OFF, REPL, SILENT, Choice, choose, nodes
from tirta.node.tail import follow
from tirta.progress import Progress, bars
from tirta.pull.pull import PullResult, pull
from tirta.pull.wanted import Wanted
from tirta.tables.landing import land_all
from tirta.text import counted

_ARCHIVE = Path("archive")
_PORT_WIDTH = 30  # characters, beside a bar on a terminal of 100
_NO_NODE = {
    REPL: "a board without Tirta's application",
    OFF: "a virtual node whose power is cut",
    SILENT: "where no node answers",
}


def _pull_arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    parser.add_argument(
        "--archive", type=Path, default=_ARCHIVE, metavar="DIR", help="where to (default: archive)"
    )
    parser.add_argument("--all", action="store_true", help="every node that is connected, at once")
    parser.add_argument(
        "--since", type=_record_number, metavar="N", help="only from this record number on"
    )
    parser.add_argument(
        "--from",
        dest="begin",
        type=_place,
        metavar="N|T",
        help="only from this record number, day or time (UTC) on",
    )
    parser.add_argument(
        "--until",
        "--to",
        dest="to",
        type=_place,
        metavar="N|T",
        help="only up to this record number, day or time (UTC)",
    )
    parser.add_argument(
        "--steady", action="store_true", help="never raise the speed of the line for the transfer"
    )
    json_argument(parser)


def _record_number(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r} is no record number: write it in digits")
    return int(text)


def _place(text: str) -> object:
    if text.isdecimal():
        return int(text)
    try:
        return moment(text)
    except ValueError as error:
        raise ArgumentTypeError(
            f"{text!r} is neither a record number nor a day (2026-03-31) or time (2026-03-31T06:00)"
        ) from error


def _short(port: str) -> str:
    """What tells this port from others, in the width that a bar leaves to it."""
    return port if len(port) <= _PORT_WIDTH else "/".join(Path(port).parts[-2:])


def _pull(args: Namespace) -> None:
    choices = _chosen(args)
    span = Wanted.of(args.begin if args.since is None else args.since, args.to)
    titles = [f"Pulling {_short(c.port)}" if args.all else "Pulling" for c in choices]
    with bars([say.translated(title) for title in titles]) as updates:
        with ThreadPoolExecutor(max_workers=len(choices)) as pool:
            jobs = [
                pool.submit(
                    _one, choice, args.archive, span, update, steady=args.steady, of_many=args.all
                )
                for choice, update in zip(choices, updates, strict=True)
            ]
        results = [job.result() for job in jobs]
    good = [result for result in results if isinstance(result, PullResult)]
    failed = [result for result in results if isinstance(result, TirtaError)]
    # What came is safe, and told, before the tables are made of it: they may not fit on the disk.
    if args.json:
        documents = [result.as_json() for result in good]
        say.document(documents if args.all else documents[0] if documents else None)
    else:
        for result in good:
            _tell(result)
    try:
        landed = land_all(args.archive, [result.node for result in good])
    except TirtaError as error:
        failed.append(error)
    else:
        for problem in landed.problems:
            say.say(problem)
    if args.all and failed:
        say.say(f"{len(good)} of {len(choices)} nodes were pulled.")
    for one in failed[:-1]:
        say.error(one.what, one.hint)
    if failed:
        raise failed[-1]


def _runs_fast(port: str) -> bool:
    """Whether this is a virtual node whose scenario goes on faster than the clock."""
    for node in virtual.list_nodes():
        if node["port"] == port and str(node["speed"]) != "1":
            state = virtual.control(node["name"], {"do": "status"})["scenario"]
            return not state["ended"]
    return False


def _chosen(args: Namespace) -> list[Choice]:
    """Whom to pull from, with a word on those that are left out or are odd."""
    choices, others = nodes(args.baud) if args.all else ([choose(args.port, args.baud)], [])
    for port in others:
        say.say(f"Left out: {port.name or port.port}, {_NO_NODE[port.mode]}.")
    for choice in choices:
        if _runs_fast(choice.port):
            say.say(
                f"Time runs fast on the virtual node at {choice.port}: its records will be dated in"
                " the future. `tirta virtual up NAME --wait` waits until it has caught up."
            )
    return choices


def _one(
    choice: Choice, archive: Path, span: Wanted, update: Progress, *, steady: bool, of_many: bool
) -> PullResult | TirtaError:
    """Pull one node; what stops it stops no other. Of many, a message begins with the port."""
    try:
        with Node(choice.port, choice.baud, steady=steady) as node:
            since, until = span.numbers(node)
            return pull(node, archive, since, update, until=until)
    except TirtaError as error:
        return TirtaError(f"{choice.port}: {error.what}", error.hint) if of_many else error


def _tell(result: PullResult) -> None:
    new, seconds = counted(result.records, "new record"), f"{result.seconds:.1f}"
    if result.records:
        say.out(
            f"{new}, {result.first} to {result.last} from node {result.node} in {seconds} s;"
            f" the archive has {result.total}."
        )
    else:
        say.out(f"{new} from node {result.node} in {seconds} s; the archive has {result.total}.")
    if result.waiting:
        say.say(
            f"{result.waiting} pages wait until the node confirms them; nothing is made of them."
            " It has overwritten them, or its answer was cut out: pull again."
        )
    for hole in result.holes:
        say.say(f"Records {hole.first} to {hole.last} are {hole.state}.")


def _tail_arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    parser.add_argument("--count", type=_record_number, metavar="N", help="end after so many")
    json_argument(parser)


def _tail(args: Namespace) -> None:
    choice = choose(args.port, args.baud)
    with Node(choice.port, choice.baud) as node:
        try:
            for sample in follow(node, args.count):
                if args.json:
                    say.document(sample.as_json())
                else:
                    say.out(str(sample))
        except KeyboardInterrupt:
            say.say("The node goes on logging.")


WORK: Work = {
    "pull": (_pull_arguments, _pull),
    "tail": (_tail_arguments, _tail),
}
