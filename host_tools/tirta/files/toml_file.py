# SPDX-License-Identifier: MIT
"""TOML as people write it: every line that is none is told with what to write instead.

tomllib stops at its first mistake. Here a line that cannot be read is mended or left out, and the
rest is read on, so that a person learns of everything at once.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tirta.errors import TirtaError

_AT = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)")
_PAIR = re.compile(r"(\s*)([A-Za-z0-9_-]+)(\s*)([=:])(\s*)(.*?)(\s*(?:#.*)?)")
_COMMA = re.compile(r"(?<![\w,.])([+-]?\d+),(\d+)(?![\w,.])")
_WORDS = re.compile(r"[^\W\d][^\"'\[\]{}=]*")
_QUOTES = str.maketrans("“”„‟«»″‘’‚‛′", '"""""""\'\'\'\'\'')
_MOST = 50  # mistakes in one file


@dataclass(frozen=True)
class Mistake:
    """What is wrong in a line, counted from 1, and what to do."""

    line: int
    what: str
    hint: str


def decode(content: bytes) -> str:
    """Decode the text of a file. Notepad marks UTF-8 in front, PowerShell's `>` writes UTF-16.
    Raises UnicodeDecodeError.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    return content.decode("utf-8-sig")


def parse(text: str) -> tuple[dict[str, Any] | None, list[Mistake]]:
    """Read what can be read, and every line that cannot; None where nothing makes sense of the
    rest.
    """
    lines = text.splitlines()
    found: list[Mistake] = []
    while len(found) < _MOST:
        try:
            return tomllib.loads("\n".join(lines)), found
        except tomllib.TOMLDecodeError as error:
            at = _AT.search(str(error))
            number = int(at[1]) if at and at[1] else len(lines)
            said = _AT.sub("", str(error))
            if "Unclosed array" in said:
                number = _opened(lines, number)
            if any(one.line == number for one in found) or "declare" in said:
                found.append(Mistake(number, f"is not valid TOML: {said}", "Correct that line."))
                return None, found
            mistake, lines[number - 1] = _look(number, lines[number - 1], said)
            found.append(mistake)
    return None, found


def load(path: Path) -> dict[str, Any]:
    """Read a file. Raises TirtaError with every line that is wrong, and OSError."""
    try:
        content, mistakes = parse(decode(path.read_bytes()))
    except UnicodeDecodeError as error:
        raise TirtaError(f"{path} is not a text in UTF-8.", "Save it as UTF-8.") from error
    if mistakes or content is None:
        told = "\n".join(f"{path.name}:{m.line}: {m.what}\n  {m.hint}" for m in mistakes)
        raise TirtaError(f"{path} is not valid TOML.\n{told}", "Correct these lines.")
    return content


def _opened(lines: list[str], number: int) -> int:
    """The line that opens the list which is not closed in or before this one."""
    for i in range(number, 0, -1):
        value = lines[i - 1].partition("=")[2]
        if value.count("[") > value.count("]"):
            return i
    return number


def _look(number: int, line: str, said: str) -> tuple[Mistake, str]:
    """What is wrong with a line, and what is read in its place: the line mended, or nothing."""
    plain = line.translate(_QUOTES)
    if plain != line:
        hint = f"Write plain ones: {plain.strip()}"
        return Mistake(number, "has typographic quotes, which TOML does not know.", hint), plain
    pair = _PAIR.fullmatch(line)
    if pair is None:
        return Mistake(number, f"is not valid TOML: {said}", "Correct that line."), ""
    indent, key, before, sign, after, value, rest = pair.groups()
    if sign == ":":
        mended = f"{indent}{key} = {value}{rest}"
        hint = f"Write it so: {mended.strip()}"
        return Mistake(number, f"has a colon behind {key} instead of =.", hint), mended
    if not value:
        return Mistake(number, f"{key} has no value.", "Write one, or remove the line."), ""
    if "Unclosed" in said:
        return Mistake(number, f"The list {key} is not closed.", "Write a ] at its end."), ""
    if "overwrite" in said:
        return Mistake(number, f"The key {key!r} is there twice.", "Remove one of the two."), ""
    mended = what = ""
    if comma := _COMMA.search(value):
        mended = _COMMA.sub(r"\1.\2", value)
        what = f"has a comma in the number {comma[0]}."
    elif _WORDS.fullmatch(value):
        mended = f'"{value.strip()}"'
        what = f"has no quotes around the text {value.strip()}."
    if not mended:
        return Mistake(number, f"is not valid TOML: {said}", "Correct that line."), ""
    mended = f"{indent}{key}{before}{sign}{after}{mended}"
    return Mistake(number, what, f"Write it so: {mended.strip()}"), mended
