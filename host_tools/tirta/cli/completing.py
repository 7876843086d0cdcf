# SPDX-License-Identifier: MIT
"""Answers a shell that completes a command line: fast, for only what was begun is loaded."""

import os
from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence

import argcomplete

from tirta.cli.catalogue import COMMANDS, Command

ASKED = "_ARGCOMPLETE"  # in the environment, by the shell's function
Build = Callable[[Sequence[Command]], tuple[ArgumentParser, Mapping[str, ArgumentParser]]]


def complete(build: Build) -> None:
    """Write what may come next to the shell, and end the process."""
    words = os.environ.get("COMP_LINE", "").split(" ")[1:]
    begun = [c for c in COMMANDS if len(words) > 1 and c.name.split()[0] == words[0]]
    top = _names()
    if begun:
        top, found = build(begun)
        for action in (a for parser in found.values() for a in parser._actions):
            if action.dest == "port":
                action.completer = ports  # type: ignore[attr-defined]  # argcomplete's own
            elif "--board" in action.option_strings:
                action.completer = board_names  # type: ignore[attr-defined]
    argcomplete.autocomplete(top, always_complete_options=False)


def _names() -> ArgumentParser:
    """A parser that knows the first words, and loads no command for it."""
    top = ArgumentParser("tirta")
    places = top.add_subparsers()
    for name in dict.fromkeys(command.name.split()[0] for command in COMMANDS):
        places.add_parser(name)
    return top


def ports(**_: object) -> list[str]:
    """Ports and virtual nodes, without asking any of them."""
    from serial.tools.list_ports import comports

    from tirta.virtual import registry

    return [p.device for p in comports() if p.vid is not None] + registry.names()


def board_names(**_: object) -> list[str]:
    """Boards by name."""
    from tirta.boards import board_file

    return board_file.names()
