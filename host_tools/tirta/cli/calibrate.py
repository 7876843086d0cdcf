# SPDX-License-Identifier: MIT
"""`tirta calibrate`: a technician holds a probe into references, and the node keeps the result."""

import dataclasses
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path

from tirta import calibrate
from tirta.cli import say
from tirta.cli.command import CONFIGURE, Command, json_argument
from tirta.coefficients import METHODS, Point
from tirta.errors import TirtaError
from tirta.node import Node
from tirta.ports import choose
from tirta_format import calibration


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("port", metavar="PORT", nargs="?", help="as for the other commands")
    parser.add_argument("channel", metavar="CHANNEL", nargs="?", help="its name in the config")
    parser.add_argument(
        "--method", choices=METHODS, default="2-point", help="how many references (default 2-point)"
    )
    parser.add_argument(
        "--reference", type=float, action="append", metavar="VALUE", default=[],
        help="what the probe is held into, in the channel's unit; once for each point",
    )  # fmt: skip
    parser.add_argument(
        "--reading", type=float, action="append", metavar="UV", default=[],
        help="microvolts in each reference, for scripts; without it the node is read",
    )  # fmt: skip
    parser.add_argument("--celsius", type=float, help="temperature of the references")
    parser.add_argument("--who", default="", help="your name, for the record")
    parser.add_argument("--yes", action="store_true", help="do not wait for Enter")
    parser.add_argument(
        "--history", metavar="DIR|PORT", help="show the calibrations in an archive or of a node"
    )
    parser.add_argument("--baud", type=int, metavar="N", help="speed of the line (default 115200)")
    json_argument(parser)


def _run(args: Namespace) -> None:
    if args.history:
        _history(args)
        return
    if args.channel is None:
        raise TirtaError(
            "A calibration needs the port and the channel.", "tirta calibrate /dev/ttyUSB0 ph"
        )
    if args.reading and len(args.reading) != len(args.reference):
        raise TirtaError("Each --reading needs its --reference.", "Give both equally often.")
    choice = choose(args.port, args.baud)
    with Node(choice.port, choice.baud) as node:
        calibrate.channel_of(node, args.channel)
        points = [_point(args, node, i) for i in range(METHODS[args.method])]
        keys = calibrate.calibrate(node, args.channel, args.method, points, args.who)
    if args.json:
        say.document({"channel": args.channel, "method": args.method, "keys": keys})
        return
    for key, value in keys.items():
        say.out(f"{key:10} {value}")
    say.say("The calibration is in force and in the log.")


def _point(args: Namespace, node: Node, i: int) -> Point:
    if i < len(args.reference):
        reference = args.reference[i]
    else:
        reference = _number(input(f"Reference {i + 1}: its value, then Enter: "))
    if args.reading:
        return Point(args.reading[i], reference, 25.0 if args.celsius is None else args.celsius)
    if not args.yes:
        input(f"Hold the probe into {reference:g}, then Enter: ")
    say.say("Waiting for a steady reading.")
    raw_uv, celsius = calibrate.steady(node, args.channel)
    say.say(f"It reads {raw_uv / 1000:.1f} mV.")
    return Point(raw_uv, reference, celsius if args.celsius is None else args.celsius)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise TirtaError(f"{text!r} is no number.", "Nothing was changed.") from error


def _history(args: Namespace) -> None:
    if Path(args.history).is_dir():
        visits = calibrate.history(Path(args.history))
        if args.json:
            say.documents(dataclasses.asdict(visit) for visit in visits)
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
    rows2 = [
        (_time(f["unix"]), name, f["method"], _keys(f["base"]), _keys(f["keys"]))
        for name, f in sorted(known.items())
    ]
    say.table(("TIME (UTC)", "CHANNEL", "METHOD", "CONFIG", "IN FORCE"), rows2)


def _time(unix_s: int) -> str:
    return f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%d %H:%M}"


def _keys(keys: dict[str, object]) -> str:
    return " ".join(f"{key}={value}" for key, value in keys.items())


COMMANDS = (
    Command(
        "calibrate",
        CONFIGURE,
        "calibrate a probe with what is known, and show what was done",
        "tirta calibrate /dev/ttyUSB0 ph --method 2-point --reference 4.01 --reference 9.18",
        _arguments,
        _run,
    ),
)
