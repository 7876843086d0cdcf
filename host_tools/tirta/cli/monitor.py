# SPDX-License-Identifier: MIT
"""`tirta monitor`: a live look at a node."""

import sys
from argparse import ArgumentParser, Namespace

from tirta import patience
from tirta.cli import say
from tirta.cli.command import Work, number, port_argument
from tirta.errors import TirtaError
from tirta.node import Node
from tirta.node.discover import choose


def _arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    parser.add_argument(
        "--every", type=number, default=1.0, metavar="S", help="seconds between two looks (1)"
    )


def _monitor(args: Namespace) -> None:
    choice = choose(args.port, args.baud)
    if not sys.stdout.isatty():
        raise TirtaError(
            "The monitor needs a terminal.",
            "For a script there are `tirta status --json` and `tirta tail --json`.",
        )
    from tirta.monitor.app import Monitor  # noqa: PLC0415  half a second that others do not wait

    with Node(choice.port, choice.baud):
        pass  # an error is told before the screen opens
    patience.listen(lambda _text: None)  # the screen itself tells of a node that is silent
    Monitor(lambda: Node(choice.port, choice.baud), max(0.5, args.every), say.translated).run()


WORK: Work = {
    "monitor": (_arguments, _monitor),
}
