# SPDX-License-Identifier: MIT
"""Messages in the person's language: gettext catalogues, and values put back where they belong.

A message is written in English where it is said, as an f-string. The catalogue of a language
(locale/LANGUAGE/tirta.po) has its *template*, in which each value is a number in braces:
"The archive has no node {0}." What is said is found by its template on the way out, so that code
reads as it speaks, and an error stays one English sentence in logs and tests. What has no
translation stays English. `make messages` keeps the catalogue, tests/host/test_messages.py judges.
"""

import locale
import os
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

LOCALE = Path(__file__).parents[1] / "locale"
ENGLISH = "en"
_VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")  # in gettext's order
_OPTION = "--language"
_VALUE = re.compile(r"\{\d+\}")
_PARTS = re.compile(r"(\{\d+\})")
_DEPTH = 3  # a message in a message in a message
_spoken = [ENGLISH]  # what this person reads
_names: dict[str, str] = {}  # what a person calls a port, by its path


def languages() -> list[str]:
    """Return what there is beside English."""
    return sorted(path.parent.name for path in LOCALE.glob("*/tirta.po"))


def wanted(words: Sequence[str]) -> tuple[str, list[str]]:
    """Find the language that the option, else the environment, asks for; the words without the
    option.

    An unknown one of the environment is English; one of the option is given back as it is.
    """
    left = list(words)
    for at, word in enumerate(left):
        if word == "--":
            break
        if word == _OPTION and at + 1 < len(left):
            return left[at + 1], left[:at] + left[at + 2 :]
        if word.startswith(f"{_OPTION}="):
            return word.partition("=")[2], left[:at] + left[at + 1 :]
    told = next((v for name in _VARIABLES if (v := os.environ.get(name))), None)
    code = (told or locale.getlocale()[0] or ENGLISH).replace("-", "_").lower()
    first = re.split(r"[_.:@]", code)[0]
    known = {"indonesian": "id"}.get(first, first)  # as Windows calls it
    return (known if known in languages() else ENGLISH), left


def use(code: str) -> None:
    """Say everything in this language from now on."""
    _spoken[:] = [code]


def said(message: str) -> str:
    """Translate a message into the person's language, as far as there is a translation, with each
    port called as that person calls it.

    Only mpremote is given the path: it knows no names.
    """
    told = translator(_spoken[0])(message)
    for path, name in _names.items():
        told = re.sub(rf"(?<!mpremote connect ){re.escape(path)}(?![\w/.])", name, told)
    return told


def call(path: str, name: str) -> None:
    """Call the port at that path by a name from now on: a person typed it."""
    _names[path] = name


@cache
def translator(code: str) -> Callable[[str], str]:
    """Return what says an English message in a language."""
    if code == ENGLISH:
        return str
    return Translator(_read(LOCALE / code / "tirta.po"))


def _read(path: Path) -> dict[str, str]:
    from babel.messages.pofile import read_po  # noqa: PLC0415 - English needs none of it

    with path.open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file) if m.id and m.string}


class Translator:
    """Says messages by a catalogue of templates."""

    def __init__(self, catalogue: dict[str, str]) -> None:
        self._whole = {k: v for k, v in catalogue.items() if not _VALUE.search(k)}
        templates = [k for k in catalogue if _VALUE.search(k)]
        # What is more of a message and less of a value comes first.
        templates.sort(key=lambda t: len(_VALUE.sub("", t)), reverse=True)
        self._templates = [(_pattern(t), catalogue[t]) for t in templates]

    def __call__(self, message: str, depth: int = _DEPTH) -> str:
        """The message in this language; itself where the catalogue has no such message."""
        if message in self._whole:
            return self._whole[message]
        if not depth or " " not in message:
            return message
        for pattern, template in self._templates:
            if found := pattern.fullmatch(message):
                values = [self(value, depth - 1) for value in found.groups()]
                return "".join(
                    values[int(part[1:-1])] if _VALUE.fullmatch(part) else part
                    for part in _PARTS.split(template)
                )
        return self._by_parts(message, depth)

    def _by_parts(self, message: str, depth: int) -> str:
        """Translate what is put together of messages: of lines, or of a name and a message."""
        if "\n" in message:
            return "\n".join(self(line, depth - 1) for line in message.split("\n"))
        head, colon, rest = message.partition(": ")
        if colon and " " in rest:
            return self(head, depth - 1) + colon + self(rest, depth - 1)
        indent = len(message) - len(message.lstrip())
        return message[:indent] + self(message[indent:], depth - 1) if indent else message


def _pattern(template: str) -> re.Pattern[str]:
    literals = _VALUE.split(template)
    return re.compile("(.*?)".join(map(re.escape, literals)), re.DOTALL)
