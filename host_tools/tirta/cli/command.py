# SPDX-License-Identifier: MIT
"""What the modules of this package share: what they tell of their commands, and common arguments.

A command parses, calls one public function of the package, and prints: what it does, a script can
do too. Its name, help and example are in the catalogue.
"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping
from pathlib import Path

from tirta.text import numbers

Arguments = Callable[[ArgumentParser], None]
Action = Callable[[Namespace], int | None]
Work = Mapping[str, tuple[Arguments, Action]]  # by the command's name


def number(text: str) -> float:
    """Read an argument that is a number, with a point or a comma before its decimals."""
    try:
        return numbers.number(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def whole(text: str) -> int:
    """Read an argument that is a whole number."""
    try:
        return numbers.whole(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def port_argument(parser: ArgumentParser) -> None:
    """Add PORT and its speed; optional, because with one node connected there is nothing to
    choose.
    """
    parser.add_argument(
        "port",
        metavar="PORT",
        nargs="?",
        help="device path, virtual node's name, node id, or mqtt://BROKER/NODE for one with an"
        " uplink; may be left out when only one node is connected",
    )
    baud_argument(parser)


def baud_argument(parser: ArgumentParser) -> None:
    """Add --baud."""
    parser.add_argument(
        "--baud", type=whole, metavar="N", help="speed of the line (default 115200)"
    )


def unlisted_argument(parser: ArgumentParser) -> None:
    """Add --allow-unlisted, of what writes an image of MicroPython."""
    parser.add_argument(
        "--allow-unlisted",
        action="store_true",
        help="take an image whose SHA-256 the board file does not list",
    )


def labels_argument(parser: ArgumentParser) -> None:
    """Add --labels, of what makes nodes."""
    parser.add_argument(
        "--labels",
        type=Path,
        default=Path("labels"),
        metavar="DIR",
        help="folder for the pictures of labels (default labels)",
    )


def was_locked_argument(parser: ArgumentParser) -> None:
    """Add --was-locked, of what writes boards."""
    parser.add_argument(
        "--was-locked",
        action="append",
        default=[],
        metavar="ID",
        help="this node is known here as locked, and the board itself is in your hand: write it"
        " (may be given again)",
    )


def unsigned_argument(parser: ArgumentParser) -> None:
    """Add --allow-unsigned."""
    parser.add_argument(
        "--allow-unsigned", action="store_true", help="also a bundle that no trusted key signed"
    )


def json_argument(parser: ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="print one JSON document for a script")
