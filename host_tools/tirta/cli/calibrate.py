# SPDX-License-Identifier: MIT
"""`tirta calibrate`: a technician holds a probe into references, and the node keeps the result."""

import dataclasses
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tirta import progress
from tirta.calibrate import visit as calibrate
from tirta.calibrate.coefficients import METHODS, Point, must_be_possible
from tirta.calibrate.settling import WINDOW_S, Look
from tirta.cli import say
from tirta.cli.command import Work, baud_argument, json_argument, number
from tirta.errors import TirtaError
from tirta.node import Node
from tirta.node.discover import choose
from tirta.text import counted, numbers
from tirta_format import calibration


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("port", metavar="PORT", nargs="?", help="as for the other commands")
    parser.add_argument("channel", metavar="CHANNEL", nargs="?", help="its name in the config")
    parser.add_argument(
        "--method", choices=METHODS, default="2-point", help="how many references (default 2-point)"
    )
    parser.add_argument(
        "--reference", type=number, action="append", metavar="VALUE", default=[],
        help="what the probe is held into, in the channel's unit; once for each point",
    )  # fmt: skip
    parser.add_argument(
        "--reading", type=number, action="append", metavar="UV", default=[],
        help="microvolts in each reference, for scripts; without it the node is read",
    )  # fmt: skip
    parser.add_argument("--celsius", type=number, help="temperature of the references")
    parser.add_argument(
        "--patience", type=number, default=calibrate.PATIENCE_S, metavar="SECONDS",
        help=f"how long the probe may take to settle (default {calibrate.PATIENCE_S:.0f})",
    )  # fmt: skip
    parser.add_argument("--who", default="", help="your name, for the record")
    parser.add_argument("--yes", action="store_true", help="do not wait for Enter")
    parser.add_argument(
        "--history", metavar="DIR|PORT", help="show the calibrations in an archive or of a node"
    )
    baud_argument(parser)
    json_argument(parser)


def _run(args: Namespace) -> None:
    if args.history:
        _history(args)
        return
    if args.channel is None:
        raise TirtaError(
            "A calibration needs the port and the channel.", "tirta calibrate /dev/ttyUSB0 ph"
        )
    _check_counts(args)
    choice = choose(args.port, args.baud)
    with Node(choice.port, choice.baud) as node:
        channel = calibrate.channel_of(node, args.channel)
        must_be_possible(channel, args.method)
        points: list[Point] = []
        for i in range(METHODS[args.method]):
            points.append(_point(args, node, channel, i, points))
        keys = calibrate.calibrate(node, args.channel, args.method, points, args.who)
    if args.json:
        say.document({"channel": args.channel, "method": args.method, "keys": keys})
        return
    for key, value in keys.items():
        say.out(f"{key:10} {value}")
    say.say("The calibration is in force and in the log.")


def _check_counts(args: Namespace) -> None:
    """Before anybody holds a probe into anything."""
    wanted, given = METHODS[args.method], args.reference
    if len(given) > wanted or (args.reading and len(given) < wanted):
        raise TirtaError(
            f"{args.method} takes {counted(wanted, 'reference')}, not {len(given)}.",
            "Give one --reference for each, or another --method.",
        )
    if args.reading and len(args.reading) != len(given):
        raise TirtaError("Each --reading needs its --reference.", "Give both equally often.")
    if args.patience < calibrate.LEAST_PATIENCE_S:
        raise TirtaError(
            f"{args.patience:g} s are too short: a probe is judged by its last {WINDOW_S:.0f} s.",
            f"Give --patience {calibrate.LEAST_PATIENCE_S:.0f} or more.",
        )
    if len(set(given)) < len(given):
        raise TirtaError("Two of the references are the same.", "Give each of them once.")


def _point(
    args: Namespace, node: Node, channel: dict[str, Any], i: int, before: list[Point]
) -> Point:
    reference = args.reference[i] if i < len(args.reference) else _asked_reference(i, before)
    if args.reading:
        return Point(args.reading[i], reference, 25.0 if args.celsius is None else args.celsius)
    if not args.yes:
        say.ask(f"Hold the probe into {reference:g}, then Enter: ")
    say.say("Waiting until the reading has settled.")
    with progress.line() as write:
        look = calibrate.steady(
            node, args.channel, args.patience, lambda now: write(say.translated(_now(now)))
        )
    celsius = calibrate.temperature(channel, look, args.celsius)
    say.say(f"It reads {look.raw_uv / 1000:.1f} mV.")
    return Point(look.raw_uv, reference, celsius)


def _now(look: Look | None) -> str:
    if look is None:
        return "reading"
    return f"{look.raw_uv / 1000:.1f} mV, {look.unrest}"


def _asked_reference(i: int, before: list[Point]) -> float:
    """A typing error must not cost the points before it."""
    while True:
        text = say.ask(f"Reference {i + 1}: its value, then Enter: ")
        try:
            value = numbers.number(text)
        except ValueError as error:
            say.say(f"{error}.")
            continue
        if all(value != point.reference for point in before):
            return value
        say.say(f"The probe was in {value:g} already.")


def _history(args: Namespace) -> None:
    if Path(args.history).is_dir():
        visits = calibrate.history(Path(args.history))
        if args.json:
            say.documents(dataclasses.asdict(visit) for visit in visits)
            return
        if not visits:
            say.say(f"No calibration is in {args.history}.")
            return
        rows = [
            (_time(v.unix_s), v.channel, v.method, v.who, _keys(v.old), _keys(v.new))
            for v in visits
        ]
        say.table(("TIME (UTC)", "CHANNEL", "METHOD", "WHO", "BEFORE", "AFTER"), rows)
        return
    choice = choose(args.history, args.baud)
    with Node(choice.port, choice.baud) as node:
        known = node.ask(calibration.CALIBRATIONS)
    if args.json:
        say.document(known)
        return
    if not known:
        say.say(f"No calibration is in force on the node at {choice.port}.")
        return
    rows2 = [
        (_time(f["unix"]), name, f["method"], _keys(f["base"]), _keys(f["keys"]))
        for name, f in sorted(known.items())
    ]
    say.table(("TIME (UTC)", "CHANNEL", "METHOD", "CONFIG", "IN FORCE"), rows2)


def _time(unix_s: int) -> str:
    return f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%d %H:%M}"


def _keys(keys: dict[str, object]) -> str:
    return " ".join(f"{key}={value}" for key, value in keys.items())


WORK: Work = {
    "calibrate": (_arguments, _run),
}
