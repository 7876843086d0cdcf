# SPDX-License-Identifier: MIT
"""Words to a command: the overview, each command's help, and what is said of wrong usage.

Everything fits the terminal; an example is broken where a shell takes it all the same.
"""

import argparse
import difflib
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from tirta import __version__
from tirta.cli import say
from tirta.cli.catalogue import COMMANDS, GROUPS, Command

WRONG_USAGE = 2
# What argparse says, which translates nothing on a computer without catalogues of its own.
SAID_ELSEWHERE = (
    "usage: ", "options", "positional arguments", "show this help message and exit",
    "show program's version number and exit", "argument {0}: {1}",
    "the following arguments are required: {0}", "one of the arguments {0} is required",
    "expected one argument", "expected at least one argument", "not allowed with argument {0}",
    "invalid choice: {0} (choose from {1})", "ambiguous option: {0} could match {1}",
    "ignored explicit argument {0}", "there is no option or place for: {0}",
)  # fmt: skip
_NAMES = 18  # columns of the overview before what a command does


class Parser(argparse.ArgumentParser):
    """Says what is wrong as every other error is said: once, and with the next step."""

    # Commands of two words whose first one is a command, too, which takes any word at that place.
    both: frozenset[str] = frozenset()

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        for group in self._action_groups:
            group.title = say.translated(str(group.title))

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as argparse does, with two words as one where they are a command of `both`."""
        words = list(sys.argv[1:] if args is None else args)
        if (name := " ".join(words[:2])) in self.both:
            words[:2] = [name]
        return super().parse_known_args(words, namespace)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the words of a command, and end with exit code 2."""
        self._say(message, hint=f"See `{self.prog} --help`.")

    def no_place(self, words: Sequence[str]) -> NoReturn:
        """Say that the command has no place for these words, and which option one may mean."""
        given = next((word.partition("=")[0] for word in words if word.startswith("-")), "")
        close = difflib.get_close_matches(given, list(self._option_string_actions), 1)
        hint = f"See `{self.prog} --help`."
        if close:
            hint = f"Did you mean {close[0]}? See `{self.prog} --help`."
        self._say(f"there is no option or place for: {' '.join(words)}", hint=hint)

    def _say(self, message: str, *, hint: str) -> NoReturn:
        told = say.translated(message)
        say.error(f"{told[0].upper()}{told[1:].rstrip('.')}.", hint)
        sys.exit(WRONG_USAGE)


class _Help(argparse.RawDescriptionHelpFormatter):
    """Speaks the person's language: of each option, and that a usage follows."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return say.translated(action.help) if action.help else action.help

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        """Add the usage as argparse does, with the word before it in the person's language."""
        if prefix is None:
            prefix = say.translated("usage: ")
        super().add_usage(usage, actions, groups, prefix)


def build(commands: Sequence[Command]) -> tuple[Parser, dict[str, Parser]]:
    """Build the parser, and that of each command by name."""
    width = shutil.get_terminal_size().columns
    top = Parser(
        prog="tirta",
        usage="tirta COMMAND …",
        description=say.translated("Flash, configure, pull and read water-utility nodes."),
        epilog=_overview(width),
        formatter_class=_Help,
        add_help=True,
    )
    top.add_argument(
        "--language",
        metavar="CODE",
        help="messages in this language, en or id; any command takes it",
    )
    top.add_argument(
        "--verbose",
        action="store_true",
        help="tell what goes over the line; any command takes it",
    )
    top.add_argument(
        "--log",
        metavar="FILE",
        help="write that into a file for whoever helps, without keys and values",
    )
    top.add_argument("--version", action="version", version=f"tirta {__version__}")
    top.set_defaults(parser=top, run=None)
    if not commands:
        return top, {}
    places = top.add_subparsers(metavar="COMMAND", help=argparse.SUPPRESS)
    families: dict[str, Any] = {}
    found = {}
    alone = {command.name for command in commands if " " not in command.name}
    top.both = frozenset(c.name for c in commands if c.name.partition(" ")[0] in alone) - alone
    for command in commands:
        family, _, word = command.name.partition(" ")
        if command.name in top.both:
            family, word = command.name, ""
        if word and family not in families:
            holder = places.add_parser(
                family,
                prog=f"tirta {family}",
                description=say.translated(f"See `tirta {family} WORD --help`."),
                allow_abbrev=False,
            )
            holder.set_defaults(parser=holder)
            families[family] = holder.add_subparsers(metavar="WORD", required=False)
        told = say.translated(command.help)
        parser = (families[family] if word else places).add_parser(
            word or family,
            prog=f"tirta {command.name}",
            help=told,
            description=textwrap.fill(f"{told[0].upper()}{told[1:]}.", width),
            epilog=f"{say.translated('Example')}:\n  {_broken(command.example, width)}",
            formatter_class=_Help,
            allow_abbrev=False,
        )
        arguments, run = command.load()
        arguments(parser)
        parser.set_defaults(run=run, parser=parser)
        found[command.name] = parser
    return top, found


def misspelt(words: Sequence[str], names: Iterable[str]) -> tuple[str, str] | None:
    """Return what to say, and the next step, where the words name no command; None where they
    do.
    """
    known = list(names)
    family = [name for name in known if words and name.startswith(f"{words[0]} ")]
    if words and words[0] in known:  # a command that takes words, beside those of its family
        return None
    said = list(words[: 2 if family else 1])
    if not said or said[-1].startswith("-") or (family and len(said) == 1):
        return None
    name = " ".join(said)
    if name in known:
        return None
    close = difflib.get_close_matches(name, family or known, 1)
    hint = f"Did you mean `tirta {close[0]}`? " if close else ""
    return f"There is no command `tirta {name}`.", f"{hint}`tirta --help` lists all of them."


def _overview(width: int) -> str:
    lines = []
    for group in GROUPS:
        lines.append(f"{say.translated(group)}:")
        lines += [
            textwrap.fill(
                f"  {c.name:{_NAMES - 3}} {say.translated(c.help)}",
                width,
                subsequent_indent=" " * _NAMES,
            )
            for c in COMMANDS
            if c.group == group
        ]
        lines.append("")
    last = say.translated("`tirta COMMAND --help` shows the options and an example.")
    return "\n".join([*lines, last])


def _broken(example: str, width: int) -> str:
    """A command in as few lines as fit, broken before options, names and keys."""
    lines = [""]
    for part in re.split(r" (?=--|'|\w{32})", example):
        if lines[-1] and len(lines[-1]) + len(part) + 7 > width:  # indent, space, backslash
            lines.append(part)
        else:
            lines[-1] = f"{lines[-1]} {part}".lstrip()
    return " \\\n    ".join(lines)
