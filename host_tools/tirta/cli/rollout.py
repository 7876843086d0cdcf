# SPDX-License-Identifier: MIT
"""`tirta fleet update`: one bundle onto many nodes, in waves."""

import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import UTC, datetime
from pathlib import Path

from tirta import patience
from tirta.cli import say
from tirta.cli.command import Work, json_argument, unsigned_argument, whole
from tirta.errors import TirtaError
from tirta.image import signing
from tirta.image.bundle import Bundle
from tirta.install import rollout_list, rollout_record
from tirta.install.rollout import Rollout, Stand, WavePlan
from tirta.install.rollout_record import FAILED, GOOD, NodeStep, Record
from tirta.progress import line
from tirta.text import clean

_EVERY_S = 30.0  # between two words where no terminal shows how far it is


def _waves(text: str) -> list[float]:
    try:
        return rollout_list.percents_of(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def _at_once(text: str) -> int:
    count = whole(text)
    if not 1 <= count <= 256:
        raise ArgumentTypeError("1 to 256 nodes can be updated at once")
    return count


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "nodes", nargs="+", metavar="NODES",
        help="ports, names or links of nodes; a file with one on each line; or a folder that `tirta"
        " receive` keeps, with --broker",
    )  # fmt: skip
    parser.add_argument(
        "--bundle", type=Path, metavar="FILE", required=True,
        help="a file from `tirta bundle build`",
    )  # fmt: skip
    parser.add_argument(
        "--wave", type=_waves, default=[1, 10, 100], metavar="PERCENTS",
        help="part of all nodes that has the bundle after each wave (default 1%%,10%%,100%%)",
    )  # fmt: skip
    parser.add_argument(
        "--broker", default="", metavar="URL", help="a node's id means the node behind this broker"
    )
    parser.add_argument(
        "--at-once", type=_at_once, default=WavePlan.at_once, metavar="N",
        help=f"nodes that are updated at the same time (default {WavePlan.at_once})",
    )  # fmt: skip
    parser.add_argument(
        "--window", type=whole, default=60, metavar="MINUTES",
        help="how long in each wave a node that cannot be reached is asked again (default 60)",
    )  # fmt: skip
    parser.add_argument(
        "--without", action="append", default=[], metavar="NODE",
        help="leave this node out, by its id or as the list names it (may be given again)",
    )  # fmt: skip
    parser.add_argument(
        "--record", type=Path, metavar="FILE",
        help="what was done with each node (default beside the bundle); a later run goes on there",
    )  # fmt: skip
    parser.add_argument(
        "--status", action="store_true", help="only say what the record says; ask no node"
    )
    unsigned_argument(parser)
    json_argument(parser)


def _update(args: Namespace) -> int:
    chosen = signing.read(args.bundle, allow_unsigned=args.allow_unsigned)
    links = rollout_list.links_of(args.nodes, args.broker)
    path = args.record or _beside(args.bundle, chosen)
    record = Record(path, chosen)
    try:
        left_out = {*args.without}
        known = {step.link: step.node for step in record.last()}
        links = [x for x in links if not {x, x.rpartition("/")[2], known.get(x)} & left_out]
        if not args.status:
            _roll_out(args, chosen, record, links)
    finally:
        if args.json:
            steps = [step.as_json() for step in record.last()]
            say.document({"version": chosen.version, "board": chosen.board, "nodes": steps})
        elif args.status:
            _table(record.last())
        record.close()
    return _end(args, record, links)


def _roll_out(args: Namespace, chosen: Bundle, record: Record, links: list[str]) -> None:
    how = WavePlan(args.wave, args.at_once, window_s=60 * args.window)
    say.say(f"{len(links)} nodes; what is done with each is kept in {record.path}.")
    with line() as status:
        last = time.monotonic()

        def shown(stand: Stand) -> None:
            nonlocal last
            patience.seen()  # nobody needs to be told what one node of many is waited for
            text = (
                f"Wave {stand.wave} of {stand.waves}: {stand.good} of {stand.nodes} nodes run"
                f" {chosen.version}, {stand.busy} under way, {stand.failed} failed."
            )
            status(say.translated(text))
            if time.monotonic() - last > _EVERY_S:
                last = time.monotonic()
                say.say(text)

        Rollout(chosen, record, how, _tell, shown).run(links)


def _tell(step: NodeStep) -> None:
    if not step.who:
        return
    why = f" ({clean(step.why, 200)})" if step.why else ""
    say.say(f"{step.link}: {say.translated(step.state)}, {step.before} → {step.after}{why}")


def _table(steps: list[NodeStep]) -> None:
    say.table(
        ("WHEN", "WHO", "LINK", "NODE", "FROM", "TO", "STATE"),
        [
            (datetime.fromtimestamp(s.at, UTC).strftime("%Y-%m-%d %H:%MZ"), clean(s.who),
             clean(s.link), s.node, clean(s.before), s.after, say.translated(s.state))
            for s in steps
        ],
    )  # fmt: skip


def _end(args: Namespace, record: Record, links: list[str]) -> int:
    """Say what is left, exit code 1 where something is."""
    states = [step.state if (step := record.of(link)) else "" for link in links]
    good = sum(state in GOOD for state in states)
    failed = sum(state in FAILED for state in states)
    if not args.json and not args.status:
        say.out(f"{good} of {len(links)} nodes run the bundle's version, {failed} went back.")
    if good == len(links) or args.status:
        return 0
    if args.wave[-1] < 100:
        return 0
    raise TirtaError(
        f"{len(links) - good} of {len(links)} nodes do not run the bundle's version yet.",
        "Run the command again when they can be reached; --status lists them.",
    )


def _beside(path: Path, chosen: Bundle) -> Path:
    short = rollout_record.digest(chosen)[:8]
    return path.with_name(f"{path.stem}.rollout-{short}.sqlite")


WORK: Work = {"fleet update": (_arguments, _update)}
