# SPDX-License-Identifier: MIT
"""`tirta ports`: what is connected."""

from argparse import ArgumentParser, Namespace
from importlib.resources import files
from pathlib import Path

from tirta.cli import say
from tirta.cli.command import Work, json_argument, whole
from tirta.link.serial_line import DEFAULT_BAUD
from tirta.node.discover import list_ports


def _arguments(parser: ArgumentParser) -> None:
    json_argument(parser)
    parser.add_argument(
        "--baud", type=whole, default=DEFAULT_BAUD, metavar="N", help="speed of serial lines"
    )


def _ports(args: Namespace) -> None:
    found = list_ports(args.baud)
    if args.json:
        say.document([port.as_json() for port in found])
        return
    if not found:
        say.say("No node is connected. A virtual one: `tirta virtual up demo --app`.")
        return
    titles = ("PORT", "KIND", "NAME", "NODE", "BOARD", "FIRMWARE", "MODE")
    keys = [title.lower() for title in titles]
    rows = [port.as_json() | {"port": _short(port.port)} for port in found]
    say.table(titles, [[row[key] for key in keys] for row in rows])


def _short(port: str) -> str:
    """The port as a shell takes it, with ~ for the user's folder."""
    path, home = Path(port), Path.home()
    return str(Path("~") / path.relative_to(home)) if path.is_relative_to(home) else port


def _udev(_: Namespace) -> None:
    rules = files("tirta.cli").joinpath("70-tirta.rules")
    say.out(rules.read_text(encoding="utf-8").rstrip())


WORK: Work = {
    "ports": (_arguments, _ports),
    "udev": (lambda parser: None, _udev),
}
