# SPDX-License-Identifier: MIT
"""`tirta config` and `tirta clock`: what a node measures, and its time."""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from tirta import config
from tirta.cli import say
from tirta.cli.command import CONFIGURE, Command, json_argument, port_argument
from tirta.node import Node
from tirta.ports import choose


def _check_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="config in TOML")
    json_argument(parser)


def _check(args: Namespace) -> int:
    checked = config.check(args.file)
    if args.json:
        say.document(checked.as_json())
    elif checked.problems:
        told = [f"{p.where}: {p.what}\n    {p.hint}" for p in checked.problems]
        say.error("\n  ".join([f"{args.file} cannot be used.", *told]))
    else:
        say.out(f"{args.file} is right: {len(checked.text or b'')} bytes on the node.")
    return 1 if checked.problems else 0


def _apply_arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    _check_arguments(parser)


def _apply(args: Namespace) -> None:
    text, _ = config.load(args.file)
    choice = choose(args.port, args.baud)
    with Node(choice.port, choice.baud) as node:
        applied = node.apply_config(text)
        if args.json:
            say.document(applied)
        else:
            say.out(f"Node {node.hello.node} runs with config {applied['hash']:08x}.")


def _port_arguments(parser: ArgumentParser) -> None:
    port_argument(parser)
    json_argument(parser)


def _get(args: Namespace) -> None:
    choice = choose(args.port, args.baud)
    with Node(choice.port, choice.baud) as node:
        text = node.config()
    if args.json:
        say.document(json.loads(text))
    else:
        say.out(config.to_toml(text).rstrip())


def _clock(args: Namespace) -> None:
    choice = choose(args.port, args.baud)
    with Node(choice.port, choice.baud) as node:
        state = node.set_clock()
        if args.json:
            say.document({"node": node.hello.node, "clock": state})
        else:
            say.out(f"Node {node.hello.node} has this computer's time: {state}.")


COMMANDS = (
    Command(
        "config check",
        CONFIGURE,
        "check a config file, without a node",
        "tirta config check inlet.toml",
        _check_arguments,
        _check,
    ),
    Command(
        "config apply",
        CONFIGURE,
        "give a node a config and wait until it runs with it",
        "tirta config apply /dev/ttyUSB0 inlet.toml",
        _apply_arguments,
        _apply,
    ),
    Command(
        "config get",
        CONFIGURE,
        "print a node's config, as a file that can be applied",
        "tirta config get /dev/ttyUSB0 > inlet.toml",
        _port_arguments,
        _get,
    ),
    Command(
        "clock",
        CONFIGURE,
        "set a node's clock to this computer's time",
        "tirta clock /dev/ttyUSB0",
        _port_arguments,
        _clock,
    ),
)
