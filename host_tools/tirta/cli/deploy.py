# SPDX-License-Identifier: MIT
"""`tirta deploy`: the application onto a board that has MicroPython; `flash` ends in it, too."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from tirta.boards import board_file
from tirta.boards.model import Board
from tirta.cli import say
from tirta.cli.command import Work, json_argument, port_argument
from tirta.errors import TirtaError
from tirta.install import deploy
from tirta.install.deploy import Deployed
from tirta.keys.office import KeyOf
from tirta.link.failures import NoAnswerError, PausedError
from tirta.node import Node
from tirta.node.discover import Choice, choose
from tirta.progress import bar


def firmware_argument(parser: ArgumentParser) -> None:
    """Add --firmware."""
    parser.add_argument("--firmware", type=Path, metavar="DIR", help="another firmware folder")


def _arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    parser.add_argument("--board", metavar="B", help="needed when no application runs there yet")
    firmware_argument(parser)
    json_argument(parser)


def put(  # noqa: PLR0913 - what `flash` was told
    args: Namespace,
    choice: Choice,
    board: Board,
    text: bytes | None = None,
    key_of: KeyOf | None = None,
    was_locked: Sequence[str] = (),
    *,
    secrets: bytes = b"",
) -> Deployed:
    """Put the application on a board, and show how far it is."""
    with bar(say.translated("Writing")) as progress:
        return deploy.deploy(
            choice.port,
            board,
            text,
            baud=choice.baud,
            source=args.firmware,
            key_of=key_of,
            was_locked=was_locked,
            secrets=secrets,
            progress=progress,
        )


def _deploy(args: Namespace) -> None:
    choice = choose(args.port, args.baud)
    done = put(args, choice, board_file.load(args.board) if args.board else _board_of(choice))
    if args.json:
        say.document(
            {
                "node": done.hello.node,
                "firmware": done.hello.firmware,
                "written_bytes": done.written_bytes,
            }
        )
        return
    say.out(
        f"Node {done.hello.node} runs firmware {done.hello.firmware}"
        f" ({done.written_bytes} bytes written)."
    )


def _board_of(choice: Choice) -> Board:
    try:
        with Node(choice.port, choice.baud) as node:
            return board_file.named(node.hello.board)
    except PausedError:
        raise  # it has an application, and can tell its board when it goes on
    except NoAnswerError as error:
        raise TirtaError(
            f"No application on {choice.port} tells which board this is.",
            f"Name it: --board, one of {', '.join(board_file.names())}.",
        ) from error


WORK: Work = {
    "deploy": (_arguments, _deploy),
}
