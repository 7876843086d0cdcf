# SPDX-License-Identifier: MIT
"""`tirta config` and `tirta clock`: what a node measures, and its time."""

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tirta import config
from tirta.boards import board_file
from tirta.cli import say
from tirta.cli.command import Work, json_argument, number, port_argument, whole
from tirta.errors import Problem, TirtaError
from tirta.files import atomic
from tirta.node import Node, config_trial
from tirta.node.discover import choose


def _check_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        help="config in TOML; `tirta sensors` has an example of every kind of sensor",
    )
    json_argument(parser)


def _check(args: Namespace) -> int:
    checked = config.check(args.file)
    if not args.json:
        return _tell(args.file, checked)
    say.document(checked.as_json())
    return 1 if checked.problems else 0


def _tell(file: Path, checked: config.CheckedConfig) -> int:
    """Say whether a config can be used; return the exit code."""
    if checked.problems:
        first = say.translated(f"{file} cannot be used.")
        say.error("\n  ".join([first, *map(_told, checked.problems)]))
    else:
        say.out(f"{file} is valid: {len(checked.text or b'')} bytes on the node.")
        if checked.wear:
            say.out(checked.wear.text())
        for warning in checked.warnings:
            say.say(_told(warning))
    return 1 if checked.problems else 0


def _told(one: Problem) -> str:
    return f"{one.where}: {say.translated(one.what)}\n    {say.translated(one.hint)}"


def _init_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="config to write; must not exist")
    parser.add_argument(
        "--board", required=True, metavar="B", help=f"one of: {', '.join(board_file.names())}"
    )
    parser.add_argument("--name", default="", metavar="TEXT", help="name of the node")
    parser.add_argument(
        "--interval", type=number, default=60, metavar="S", help="seconds between records (60)"
    )
    parser.add_argument(
        "--channel",
        action="append",
        metavar="WORDS",
        help="NAME SENSOR PIN KEY=VALUE …, once for each channel; without one you are asked",
    )


def _init(args: Namespace) -> int:
    board = board_file.load(args.board)
    if args.file.exists():
        raise TirtaError(f"{args.file} exists already.", "Name another file, or remove that one.")
    if args.channel:
        text = config.from_words(board, args.name, args.interval, args.channel)
    elif sys.stdin.isatty():
        text = config.from_questions(board, say.ask, say.say)
    else:
        raise TirtaError("Nobody can be asked here.", "Tell each channel: --channel WORDS.")
    atomic.write(args.file, text.encode())
    return _tell(args.file, config.check(args.file))


def _schema(args: Namespace) -> None:
    say.out(json.dumps(config.schema(), indent=2))


def _diff_arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    _check_arguments(parser)


def _diff(args: Namespace) -> None:
    text, _ = config.load(args.file)
    choice = choose(args.port, args.baud)
    with Node(choice.port, choice.baud) as node:
        lines = config.diff(node.shown_config(), text)
    if args.json:
        say.document({"same": not lines, "lines": lines})
    elif lines:
        say.out("\n".join(lines))
    else:
        say.out(f"Node {node.hello.node} does what {args.file} says already.")


def _apply_arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    _check_arguments(parser)
    parser.add_argument(
        "--accept-missing",
        action="store_true",
        help="keep the config although a sensor that reads now reads nothing with it",
    )
    parser.add_argument(
        "--trial-seconds",
        type=whole,
        default=config_trial.TRIAL_S,
        metavar="S",
        help="after so long without this program the node goes back by itself (default 120)",
    )


def _apply(args: Namespace) -> None:
    text, _ = config.load(args.file)
    hidden = config.secrets(args.file)
    choice = choose(args.port, args.baud)
    with Node(choice.port, choice.baud) as node:
        if hidden:
            node.set_secrets(hidden)
        applied = config_trial.apply(
            node, text, trial_s=args.trial_seconds, accept_missing=args.accept_missing
        )
        if args.json:
            say.document(applied.as_json())
            return
        for reading in applied.readings:
            if reading.missing:
                say.say(f"Channel {reading.name} reads nothing: check its pin and its wiring.")
        say.out(f"Node {node.hello.node} runs with config {applied.hash:08x}.")


def _port_arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    json_argument(parser)


def _get(args: Namespace) -> None:
    choice = choose(args.port, args.baud)
    with Node(choice.port, choice.baud) as node:
        text = node.shown_config()
        node.parsed(text)
    if args.json:
        say.document(json.loads(text))
    else:
        say.out(config.to_toml(text).rstrip())


def _clock(args: Namespace) -> None:
    choice = choose(args.port, args.baud)
    with Node(choice.port, choice.baud) as node:
        state, refused_by = node.set_clock()
        if args.json:
            say.document({"node": node.hello.node, "clock": state, "refused_by": refused_by})
        else:
            say.out(f"Node {node.hello.node} has this computer's time: {state}.")
        if refused_by:
            raise TirtaError(
                f"Its clock chip, {refused_by}, does not answer: after a loss of power the node"
                " knows no time, or a wrong one.",
                "Check the chip's wires and its battery, then set the clock again.",
            )


WORK: Work = {
    "config init": (_init_arguments, _init),
    "config schema": (lambda parser: None, _schema),
    "config diff": (_diff_arguments, _diff),
    "config check": (_check_arguments, _check),
    "config apply": (_apply_arguments, _apply),
    "config get": (_port_arguments, _get),
    "clock": (_port_arguments, _clock),
}
