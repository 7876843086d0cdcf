# SPDX-License-Identifier: MIT
"""`tirta boards`: the boards that there are, and whether a board file is valid."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from tirta.boards import board_file
from tirta.boards.model import Board
from tirta.cli import say
from tirta.cli.command import Work, json_argument

_MB = 1 << 20


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", type=Path, help="check this board file")
    json_argument(parser)


def _boards(args: Namespace) -> None:
    found = [board_file.load(name) for name in ([args.file] if args.file else board_file.names())]
    rows = [_row(board) for board in found]
    if args.json:
        say.document([dict(zip(_TITLES, row, strict=True)) for row in rows])
        return
    titles = ("BOARD", "CHIP", "FLASH_MB", "LOG_PAGES", "PULSE", "ANALOG", "DESCRIPTION")
    say.table(titles, [[str(cell) for cell in row] for row in rows])
    if not args.file:
        say.say(f"A board file of your own is found by its name in {board_file.own_dir()}.")


_TITLES = ("board", "chip", "flash_mb", "log_pages", "pulse", "analog", "description")


def _row(board: Board) -> tuple[object, ...]:
    return (
        board.name,
        board.chip,
        board.flash.size // _MB,
        board.partition("log").size // 4096,
        len(board.with_function("count")),
        len(board.analog),
        board.description,
    )


WORK: Work = {"boards": (_arguments, _boards)}
