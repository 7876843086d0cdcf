# SPDX-License-Identifier: MIT
"""Everything that the command line says goes through here: translated, and to the right stream.

What a script reads goes to standard output; messages and progress go to standard error.
"""

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tirta.errors import TirtaError
from tirta.text import translation


def speak(code: str) -> tuple[str, str] | None:
    """Say everything in this language from now on, as far as it is translated.

    Return what to say, and the next step, where there is no such language.
    """
    known = [translation.ENGLISH, *translation.languages()]
    if code not in known:
        return f"There are no messages in the language {code}.", f"There are: {', '.join(known)}."
    translation.use(code)
    return None


translated = _ = translation.said


def say(message: str) -> None:
    """Say something to a person, on standard error."""
    print(_fit(_(message)), file=sys.stderr)


def error(what: str, hint: str = "") -> None:
    """Say the one message of a command that did not do its work."""
    print(_fit(f"tirta: {_(what)}"), file=sys.stderr)
    if hint:
        print(_fit(f"  {_(hint)}"), file=sys.stderr)


def ask(question: str) -> str:
    """Ask a person, and return the answer. The question goes where messages go: standard output is
    a script's.
    """
    print(_(question), end="", file=sys.stderr, flush=True)
    try:
        return input().strip()
    except EOFError as error:
        print(file=sys.stderr)
        raise TirtaError(
            "Nobody answers at the keyboard.",
            "Nothing was changed. In a script say everything by options, --yes among them.",
        ) from error


def _fit(text: str) -> str:
    """Lines no longer than the terminal's, broken between words; as they are where there is none.

    What is broken off stands two columns further right, so that a message stays one block.
    """
    if not sys.stderr.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return "\n".join(
        textwrap.fill(
            line, width, break_long_words=False, break_on_hyphens=False,
            subsequent_indent=" " * (len(line) - len(line.lstrip()) + 2),
        )
        for line in text.split("\n")
    )  # fmt: skip


def out(text: str) -> None:
    """Print a result for a person."""
    print(_(text))


def field(name: str, text: str) -> None:
    """Print a line of a result for a person: what it is, and how."""
    print(f"{_(name):9} {_(text)}".rstrip())


def document(value: Any) -> None:
    """Print a result for a script: one JSON document."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def documents(values: Iterable[Any]) -> None:
    """Print a long result for a script: one JSON array, written as it comes."""
    sys.stdout.write("[")
    for i, value in enumerate(values):
        sys.stdout.write(("," if i else "") + json.dumps(value, ensure_ascii=False))
    sys.stdout.write("]\n")


def written(path: Path, *, as_json: bool) -> None:
    """Say which file a command made, to a person or a script."""
    if as_json:
        document({"files": [str(path)]})
    else:
        out(str(path))


def table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under titles, aligned; an empty cell is a dash."""
    cells = [[_(t) for t in titles], *([str(c) if c != "" else "-" for c in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(titles))]
    for row in cells:
        out("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())
