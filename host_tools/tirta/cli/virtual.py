# SPDX-License-Identifier: MIT
"""`tirta virtual`: nodes without hardware."""

import time
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from tirta import progress, virtual
from tirta.cli import say
from tirta.cli.command import Work, json_argument, whole
from tirta.errors import TirtaError
from tirta.keys import vault
from tirta.link.serial_line import DEFAULT_BAUD
from tirta.virtual.demo_config import demo_scenario, demo_text


def _name(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="how you call the virtual node")


def _up_arguments(parser: ArgumentParser) -> None:
    _name(parser)
    parser.add_argument(
        "--app",
        action="store_true",
        help="with the application, the demo's config and its water",
    )
    parser.add_argument(
        "--flash",
        type=Path,
        metavar="FILE",
        help="start from the contents of a whole flash, as esptool reads it; the file stays as it"
        " is",
    )
    parser.add_argument(
        "--locked", action="store_true", help="with --app: locked, with the key of the fleet in use"
    )
    parser.add_argument("--board", default="virtual", metavar="B", help="board file")
    parser.add_argument(
        "--scenario",
        type=Path,
        metavar="FILE",
        help="CSV of what it measures, one row a minute: tirta/virtual/SCENARIO.md has the columns"
        " and the words for faults",
    )
    parser.add_argument("--speed", default="1", metavar="1|N|max", help="how fast its time runs")
    parser.add_argument(
        "--wait", action="store_true", help="until it has been through its water or scenario"
    )
    parser.add_argument("--baud", type=whole, default=DEFAULT_BAUD, metavar="N", help="of its line")
    json_argument(parser)


def _up(args: Namespace) -> None:
    with TemporaryDirectory() as folder:
        scenario = args.scenario
        if args.app and scenario is None:
            scenario = Path(folder) / "inlet.csv"
            demo_scenario(scenario)
        node = _started(args, scenario)
        if args.wait:
            _wait(args.name)
    if args.json:
        say.document(asdict(node))
    else:
        say.out(node.port)


def _wait(name: str) -> None:
    """Until the scenario has ended and the record after it is due; a cut of its power ends it."""
    with progress.line() as write:
        while (told := virtual.control(name, {"do": "status"}))["power"] == "on":
            state = told["scenario"]
            if state["into_us"] is not None and state["into_us"] > state["end_us"] + 1_000_000:
                break
            write(
                f"day {(state['into_us'] or 0) / 86_400e6:.1f} of {state['end_us'] / 86_400e6:.0f}"
            )
            time.sleep(0.2)


def _started(args: Namespace, scenario: Path | None) -> virtual.VirtualNode:
    return virtual.up(
        args.name,
        board=args.board,
        scenario=scenario,
        speed=args.speed,
        baud=args.baud,
        app=args.app,
        config=demo_text(args.board) if args.app else None,
        flash_image=_flash_of(args),
        fleet=vault.load().fleet() if args.locked else None,
    )


def _flash_of(args: Namespace) -> bytes | None:
    if args.flash is None:
        return None
    if args.app:
        raise TirtaError(
            "A flash file has its own application.", "Leave out either --app or --flash."
        )
    try:
        content: bytes = args.flash.read_bytes()
    except OSError as error:
        raise TirtaError(
            f"Cannot read the flash {args.flash}: {error.strerror}.", "Check the path."
        ) from error
    return content


def _list(args: Namespace) -> None:
    nodes = virtual.list_nodes()
    if args.json:
        say.document(nodes)
    elif nodes:
        titles = ("NAME", "PORT", "BOARD", "POWER", "SPEED", "BAUD", "FLASH")
        say.table(titles, [[n[t.lower()] for t in titles] for n in nodes])
    else:
        say.say("No virtual node is running. Start one: `tirta virtual up demo --app`.")


def _down(args: Namespace) -> None:
    virtual.down(args.name)


def _cut_arguments(parser: ArgumentParser) -> None:
    _name(parser)
    parser.add_argument(
        "--after-ops", type=whole, metavar="N", help="at the N-th flash operation from now"
    )
    parser.add_argument(
        "--torn", metavar="SHAPE", help=f"how that operation is torn: {', '.join(virtual.SHAPES)}"
    )


def _cut(args: Namespace) -> None:
    virtual.cut(args.name, args.after_ops, args.torn)


WORK: Work = {
    "virtual up": (_up_arguments, _up),
    "virtual list": (json_argument, _list),
    "virtual down": (_name, _down),
    "virtual cut": (_cut_arguments, _cut),
}
