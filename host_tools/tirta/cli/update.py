# SPDX-License-Identifier: MIT
"""`tirta update` and `tirta rollback`: another application onto a node that goes on sampling."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from tirta.boards import board_file
from tirta.cli import say
from tirta.cli.command import Work, json_argument, port_argument, unsigned_argument
from tirta.image import bundle, signing
from tirta.image.bundle import Bundle
from tirta.install import update
from tirta.install.update import CONFIRMED, ON_TRIAL, WENT_BACK, Updated
from tirta.node import Node
from tirta.node.discover import choose
from tirta.progress import bar


def _waiting(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--no-wait",
        action="store_true",
        help="do not wait until the application has proved itself; the node decides all the same",
    )
    json_argument(parser)


def _update_arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    parser.add_argument(
        "bundle",
        metavar="BUNDLE",
        nargs="?",
        type=Path,
        help="a file from `tirta bundle build`; left out, the firmware that came with this program",
    )
    parser.add_argument(
        "--allow-downgrade", action="store_true", help="also an older version than the node runs"
    )
    unsigned_argument(parser)
    _waiting(parser)


def _update(args: Namespace) -> int:
    chosen = None
    if args.bundle:
        chosen = signing.read(args.bundle, allow_unsigned=args.allow_unsigned)
    choice = choose(args.port, args.baud)
    with Node(choice.port, choice.baud) as node:
        chosen = chosen or bundle.make(board_file.named(node.hello.board))
        with bar(say.translated("Updating")) as progress:
            done = update.send(
                node, chosen, allow_downgrade=args.allow_downgrade, progress=progress
            )
        return _finish(args, node, done)


def _rollback_arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    _waiting(parser)


def _rollback(args: Namespace) -> int:
    choice = choose(args.port, args.baud)
    with Node(choice.port, choice.baud) as node:
        return _finish(args, node, update.back(node))


def _finish(args: Namespace, node: Node, done: Updated) -> int:
    if done.state == ON_TRIAL and not args.no_wait:
        say.say("The new application runs on trial; the node decides within some minutes.")
        done = update.wait(node, done)
    if args.json:
        say.document(done.as_json())
    else:
        say.out(_told(done))
    return int(done.state == WENT_BACK)


def _told(done: Updated) -> str:
    if done.state == CONFIRMED:
        return (
            f"Node {done.node} runs firmware {done.after} and has confirmed it; {done.before} stays"
            f" for `tirta rollback` ({done.written_bytes} bytes in {done.seconds:.0f} s)."
        )
    if done.state == WENT_BACK:
        return (
            f"Node {done.node} went back to firmware {done.before}: {done.after} did not prove"
            " itself. No record is lost, and the log tells of it."
        )
    return f"Node {done.node} runs firmware {done.after} on trial, and will decide by itself."


def _bundle_argument(parser: ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="BUNDLE", type=Path, help="the file")


def _build_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--board", metavar="B", help="only for this one; otherwise for all boards")
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path(), help="folder to use")
    parser.add_argument("--firmware", type=Path, metavar="DIR", help="another firmware folder")
    parser.add_argument("--sign", type=Path, metavar="KEY", help="sign with the key in this file")
    json_argument(parser)


def _build(args: Namespace) -> None:
    written = []
    for name in [args.board] if args.board else board_file.names():
        made = bundle.make(board_file.load(name), args.firmware)
        if args.sign:
            made = signing.sign(made, args.sign)
        written.append(bundle.write(made, args.out))
    if args.json:
        say.document({"files": [str(path) for path in written]})
    else:
        for path in written:
            say.out(str(path))


def _sign_arguments(parser: ArgumentParser) -> None:
    _bundle_argument(parser)
    parser.add_argument("--key", type=Path, metavar="KEY", required=True, help="the signing key")
    json_argument(parser)


def _sign(args: Namespace) -> None:
    signed = signing.sign(bundle.read(args.bundle), args.key)
    path = bundle.write(signed, args.bundle.parent, args.bundle.name)
    say.written(path, as_json=args.json)


def _verify_arguments(parser: ArgumentParser) -> None:
    _bundle_argument(parser)
    json_argument(parser)


def _verify(args: Namespace) -> None:
    read: Bundle = bundle.read(args.bundle)
    key = signing.verify(read)
    if args.json:
        say.document({"version": read.version, "board": read.board, "signed_by": key.name})
    else:
        say.out(f"Firmware {read.version} for {read.board}, signed by {key.name}.")


def _key_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="where the signing key is kept")
    json_argument(parser)


def _key(args: Namespace) -> None:
    public = signing.new_key(args.file)
    if args.json:
        say.document({"public": public, "file": str(args.file)})
    else:
        say.out(f"{public}")
        say.say("That is the public key. Laptops that trust it: `tirta bundle trust KEY NAME`.")


def _trust_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="a public key, 64 hexadecimal digits")
    parser.add_argument("name", metavar="NAME", help="what to call it")
    json_argument(parser)


def _trust(args: Namespace) -> None:
    say.written(signing.trust(args.key, args.name), as_json=args.json)


WORK: Work = {
    "update": (_update_arguments, _update),
    "rollback": (_rollback_arguments, _rollback),
    "bundle build": (_build_arguments, _build),
    "bundle sign": (_sign_arguments, _sign),
    "bundle verify": (_verify_arguments, _verify),
    "bundle key": (_key_arguments, _key),
    "bundle trust": (_trust_arguments, _trust),
}
