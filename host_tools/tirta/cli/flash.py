# SPDX-License-Identifier: MIT
"""`tirta flash` and `tirta deploy`: the application onto a board."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from tirta import boards, config
from tirta.boards import Board
from tirta.cli import say
from tirta.cli.command import FLASH, Command, json_argument, port_argument
from tirta.deploy import Deployed, deploy
from tirta.errors import TirtaError
from tirta.link import NoAnswerError
from tirta.node import Node
from tirta.ports import Choice, choose
from tirta.progress import bar


def _firmware(parser: ArgumentParser) -> None:
    parser.add_argument("--firmware", type=Path, metavar="DIR", help="another firmware folder")


def _flash_arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    parser.add_argument(
        "--board", required=True, metavar="B", help="one of: " + ", ".join(boards.names())
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="config to start with")
    _firmware(parser)
    json_argument(parser)


def _deploy_arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    parser.add_argument("--board", metavar="B", help="needed when no application runs there yet")
    _firmware(parser)
    json_argument(parser)


def _flash(args: Namespace) -> None:
    text = None
    board = boards.load(args.board)
    if args.config:
        text, meant = config.load(args.config)
        if meant.name != board.name:
            raise TirtaError(
                f"The config is for board {meant.name}, not for {board.name}.",
                "Change `board` in the file, or name the other board.",
            )
    _put(args, choose(args.port, args.baud), board, text)


def _deploy(args: Namespace) -> None:
    choice = choose(args.port, args.baud)
    _put(args, choice, boards.load(args.board) if args.board else _board_of(choice), None)


def _board_of(choice: Choice) -> Board:
    try:
        with Node(choice.port, choice.baud) as node:
            return boards.load(node.hello.board)
    except NoAnswerError as error:
        raise TirtaError(
            f"No application on {choice.port} tells which board this is.",
            f"Name it: --board, one of {', '.join(boards.names())}.",
        ) from error


def _put(args: Namespace, choice: Choice, board: Board, text: bytes | None) -> None:
    with bar("Writing") as progress:
        done: Deployed = deploy(
            choice.port, board, text, baud=choice.baud, source=args.firmware, progress=progress
        )
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


COMMANDS = (
    Command(
        "flash",
        FLASH,
        "put application and config on a board that runs MicroPython and has our partitions",
        "tirta flash /dev/ttyUSB0 --board esp32_devkitc --config inlet.toml",
        _flash_arguments,
        _flash,
    ),
    Command(
        "deploy",
        FLASH,
        "bring the application of a node up to date, config and log stay",
        "tirta deploy /dev/ttyUSB0",
        _deploy_arguments,
        _deploy,
    ),
)
