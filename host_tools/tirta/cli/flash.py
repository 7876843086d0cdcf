# SPDX-License-Identifier: MIT
"""`tirta flash`: MicroPython, partitions, application and config onto a board."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from tirta import config
from tirta.boards import board_file
from tirta.cli import deploy, say
from tirta.cli.command import (
    Work,
    json_argument,
    labels_argument,
    port_argument,
    unlisted_argument,
    was_locked_argument,
)
from tirta.cli.deploy import firmware_argument
from tirta.errors import TirtaError
from tirta.install import flash
from tirta.install.label import Label
from tirta.install.rom_loader import WRITE_BAUD
from tirta.keys import office
from tirta.link.answers import Hello
from tirta.node.config_trial import SelfTestReading
from tirta.node.discover import Choice, choose
from tirta.progress import bar


def _flash_arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    parser.add_argument(
        "--board", required=True, metavar="B", help=f"one of: {', '.join(board_file.names())}"
    )
    parser.add_argument(
        "--micropython",
        type=Path,
        metavar="FILE",
        help="write the whole flash: this MicroPython image, our partitions, application, state;"
        " without it the board must run MicroPython and have our partitions",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="config to start with")
    unlisted_argument(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="show every region, and write nothing"
    )
    parser.add_argument(
        "--save",
        type=Path,
        metavar="DIR",
        help="with --dry-run: keep the regions as files, for esptool and mpremote by hand",
    )
    parser.add_argument(
        "--no-start",
        action="store_true",
        help="write and verify only; do not wait for the node",
    )
    lock = parser.add_mutually_exclusive_group()
    lock.add_argument(
        "--key",
        default="",
        metavar="FLEET",
        help="lock the node with the key of this fleet, not of the one in use (tirta keys init)",
    )
    lock.add_argument("--open", action="store_true", help="for a bench: do not lock the node")
    was_locked_argument(parser)
    parser.add_argument(
        "--node",
        default="",
        metavar="ID",
        help="with --dry-run: the chip's number, from which a locked node's key is made",
    )
    labels_argument(parser)
    firmware_argument(parser)
    json_argument(parser)


def _flash(args: Namespace) -> None:
    text, hidden = None, b""
    board = board_file.load(args.board)
    if args.config:
        text, meant = config.load(args.config)
        if meant.name != board.name:
            raise TirtaError(
                f"The config is for board {meant.name}, not for {board.name}.",
                "Change `board` in the file, or name the other board.",
            )
        hidden = config.secrets(args.config)
        if args.open:
            config.must_have_no_uplink(text, str(args.config))
    key_of = None if args.open or args.dry_run else office.keys_for_new(args.key)
    if args.micropython is None and not args.dry_run:
        choice = choose(args.port, args.baud)
        put = deploy.put(args, choice, board, text, key_of, args.was_locked, secrets=hidden)
        _tell(args, choice, put.hello, put.written_bytes, put.readings)
        return
    planned = flash.plan(
        board,
        args.micropython,
        config=text,
        allow_unlisted=args.allow_unlisted,
        source=args.firmware,
        secrets=hidden,
    )
    if args.dry_run:
        _dry_run(args, planned)
        return
    choice = choose(args.port, args.baud)
    with bar(say.translated("Writing")) as progress:
        done = flash.flash(
            choice.port,
            planned,
            write_baud=args.baud or WRITE_BAUD,
            baud=choice.baud,
            start=not args.no_start,
            key_of=key_of,
            was_locked=args.was_locked,
            progress=progress,
        )
    if done.hello is None:
        _tell_written(args, done)
    else:
        _tell(args, choice, done.hello, done.written_bytes, done.readings)


def _dry_run(args: Namespace, planned: flash.Plan) -> None:
    """Show the regions, and keep them; no chip is asked for its number, which a key needs."""
    if args.node and not args.open:
        office.must_be_id(args.node)
        planned = planned.locked(office.keys_for_new(args.key)(args.node))
    if args.save and not (args.node or args.open):
        raise TirtaError(
            "A locked node's state holds a key that is made from its chip's number, and --dry-run"
            " asks no chip. Nothing was written.",
            "Give the number as `esptool read-mac` prints it, without colons: --node"
            " 240ac4e29526. For a node that is locked later: --open.",
        )
    if args.save:
        planned.save(args.save)
    rows = [region.as_json() for region in planned.regions]
    if not (args.node or args.open):
        rows[-1] |= {"sha256": "", "what": "slot A, config, and the key of this chip alone"}
    if args.json:
        say.document({"board": planned.board.name, "regions": rows})
        return
    titles = ("REGION", "OFFSET", "SIZE", "SHA-256", "WHAT")
    say.table(
        titles,
        [
            (r["name"], f"{r['offset']:#x}", r["size"], f"{r['sha256']:.16}", r["what"])
            for r in rows
        ],
    )


def _tell_written(args: Namespace, done: flash.Flashed) -> None:
    if args.json:
        say.document({"node": done.mac, "written_bytes": done.written_bytes})
    else:
        say.out(f"The {done.chip} {done.mac} is written and verified ({done.written_bytes} bytes).")


def _tell(
    args: Namespace,
    choice: Choice,
    hello: Hello,
    written_bytes: int,
    readings: Sequence[SelfTestReading] = (),
) -> None:
    label = Label(hello.node, hello.board, hello.firmware, hello.name)
    picture = label.save(args.labels / f"{hello.node}.png")
    if args.json:
        say.document(
            {
                "node": hello.node,
                "board": hello.board,
                "firmware": hello.firmware,
                "mode": hello.mode,
                "written_bytes": written_bytes,
                "label": str(picture),
                "test": [[r.name, r.value, r.flag] for r in readings],
            }
        )
        return
    say.out(label.text())
    for reading in readings:
        if reading.missing:
            say.out(f"Channel {reading.name} reads nothing: check its pin and its wiring.")
    say.out(f"Node {hello.node} on {choice.port} runs firmware {hello.firmware}, {hello.mode}.")
    say.out(f"{written_bytes} bytes were written; the label is in {picture}.")


WORK: Work = {
    "flash": (_flash_arguments, _flash),
}
