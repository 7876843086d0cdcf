# SPDX-License-Identifier: MIT
"""Answers a shell that completes a command line: fast, for only what was begun is loaded."""

import os
from argparse import Action, ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import argcomplete
from argcomplete.completers import FilesCompleter

from tirta.cli.catalogue import COMMANDS, Command

ASKED = "_ARGCOMPLETE"  # in the environment, by the shell's function
BuildParser = Callable[[Sequence[Command]], tuple[ArgumentParser, Mapping[str, ArgumentParser]]]


def complete(build: BuildParser) -> None:
    """Write what may come next to the shell, and end the process."""
    words = os.environ.get("COMP_LINE", "").split(" ")[1:]
    begun = [c for c in COMMANDS if len(words) > 1 and c.name.split()[0] == words[0]]
    top = _names()
    if begun:
        top, _ = build(begun)
    argcomplete.autocomplete(top, always_complete_options=False, default_completer=_Values())


class _Values(FilesCompleter):
    """What may stand at an option or place: ports, boards, or files."""

    def __call__(self, prefix: str, **told: Any) -> list[str]:
        action: Action = told["action"]
        if action.dest == "port":
            return ports()
        if "--board" in action.option_strings:
            return board_names()
        return super().__call__(prefix, **told)


def _names() -> ArgumentParser:
    """A parser that knows the first words, and loads no command for it."""
    top = ArgumentParser("tirta")
    places = top.add_subparsers()
    for name in dict.fromkeys(command.name.split()[0] for command in COMMANDS):
        places.add_parser(name)
    return top


def ports() -> list[str]:
    """Name ports and virtual nodes, without asking any of them."""
    from serial.tools.list_ports import comports

    from tirta.virtual import registry

    return [p.device for p in comports() if p.vid is not None] + registry.names()


def board_names() -> list[str]:
    """Name the boards."""
    from tirta.boards import board_file

    return board_file.names()
