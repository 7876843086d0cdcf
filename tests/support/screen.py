# SPDX-License-Identifier: MIT
"""Screens in the README: what a command printed there has the shape of what it prints today.

A *screen* is an indented or fenced block with lines `$ command` and the output below each. Numbers,
ids, paths of devices and times differ from run to run; words, their order and the number of lines
do not.
"""

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from patience import run

_FENCE = re.compile(r"^```(?:console|text|sh)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CHANGING = (
    (re.compile(r"/dev/\S+|\S+/virtual/\w+/port\b"), "PORT"),
    (re.compile(r"\b\d{4}-\d\d-\d\d\b"), "DATE"),
    (re.compile(r"\b0[0-9a-f]{11}\b"), "NODE"),
    (re.compile(r"\b[0-9a-f]*\d[0-9a-f]*\b"), "N"),
    (re.compile(r"N(?:[.,:]N)+"), "N"),
    (re.compile(r" {2,}"), "  "),
)
TIRTA = [sys.executable, "-c", "import sys; from tirta.cli import main; sys.exit(main())"]
PROGRAMS = {"tirta": TIRTA, "mpremote": [sys.executable, "-m", "mpremote"]}


@dataclass(frozen=True)
class Screen:
    """One command and what the document says that it prints."""

    command: str
    shown: str

    def run(self, cwd: Path) -> str:
        """What the command prints now, standard error first as messages come first."""
        words = shlex.split(self.command)
        done = run([*PROGRAMS[words[0]], *words[1:]], cwd=cwd)
        return f"{done.stderr}{done.stdout}"


def screens(document: str) -> list[Screen]:
    """Every command shown in a Markdown document, with its output."""
    found = []
    for block in _FENCE.findall(document):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            found.append(Screen(command.strip(), shown.rstrip("\n")))
    return found


def shape(text: str) -> list[str]:
    """The lines of a screen with everything that changes replaced by what it is."""
    lines = []
    for line in text.rstrip("\n").splitlines():
        kept = line.rstrip()
        for changing, name in _CHANGING:
            kept = changing.sub(name, kept)
        lines.append(kept)
    return lines
