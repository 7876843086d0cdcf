# SPDX-License-Identifier: MIT
"""Bring the catalogues of the commands' messages up to date: tirta/locale/LANGUAGE/tirta.po.

A message is written in English where it is said, as a string or an f-string; in the catalogue each
of its values is a number in braces: "The archive has no node {0}.". This reads the sources, adds
what is new without a translation and drops what nobody says any more. `make messages` calls it; a
test fails while a message has no translation.
"""

import ast
import io
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from tirta.cli import catalogue

PACKAGE = Path(__file__).parent / "tirta"
LOCALE = PACKAGE / "locale"
_SKIPPED = {"report", "locale", "virtual"}  # the page has a catalogue of its own
# Functions whose text arguments a person reads, and which of them (None: all).
_SAYING = {
    "TirtaError": None, "say": (0,), "error": (0, 1), "ask": (0,), "out": (0,), "Finding": None,
    "Problem": None, "Damage": None, "Kind": None, "translated": (0,), "field": (0, 1),
    "_tell": (2,), "_say": (0,), "bar": (0,), "bars": (0,), "Patience": (1,), "Silence": (1,),
    "_patience": (0,), "choose": (0,), "Mistake": (1, 2),
}  # fmt: skip
# Functions that return what is said.
_TELLING = {"_told", "_now", "unrest", "misspelt", "speak", "goes_on"}
_KEYWORDS = {"help", "hint", "what", "next", "title", "why"}  # arguments, and variables
_LISTS = {"SAID_ELSEWHERE"}  # constants with what argparse, the system or a node says


def messages(source: str) -> Iterator[str]:
    """Yield every message of a module, as its template."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield from _of_call(node)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in _KEYWORDS:
                yield from _templates(node.value)
            elif name in _LISTS:
                yield from ast.literal_eval(node.value)
        elif isinstance(node, ast.FunctionDef) and node.name in _TELLING:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    yield from _templates(inner.value)


def _of_call(call: ast.Call) -> Iterator[str]:
    name = _name(call.func)
    if name in _SAYING or name.endswith("Error"):
        places = _SAYING.get(name)
        for at, argument in enumerate(call.args):
            if places is None or at in places:
                yield from _templates(argument)
    if name == "Command":
        yield from _templates(call.args[2])
    if name == "counted":
        yield from _nouns(*[str(a.value) for a in call.args[1:] if isinstance(a, ast.Constant)])
    for keyword in call.keywords:
        if keyword.arg in _KEYWORDS:
            yield from _templates(keyword.value)


def _nouns(one: str, many: str = "") -> Iterator[str]:
    """What `counted` makes of them."""
    yield f"{{0}} {one}"
    yield f"{{0}} {many or one + 's'}"


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _templates(text: ast.expr) -> Iterator[str]:
    """The texts that an expression may give."""
    if isinstance(text, ast.IfExp):
        yield from _templates(text.body)
        yield from _templates(text.orelse)
    elif isinstance(text, ast.Tuple | ast.List):
        for part in text.elts:
            yield from _templates(part)
    elif isinstance(text, ast.Constant) and isinstance(text.value, str):
        if _worth(text.value):
            yield text.value
    elif isinstance(text, ast.JoinedStr):
        template, count = "", 0
        for part in text.values:
            if isinstance(part, ast.Constant):
                template += str(part.value)
            else:
                template += f"{{{count}}}"
                count += 1
        if _worth(template):
            yield template


def _worth(text: str) -> bool:
    """Whether it has a word to translate."""
    return any(len(word) > 1 and word.isalpha() for word in text.split())


def spoken() -> dict[str, str]:
    """Return every message of the package, with the module that says it."""
    found: dict[str, str] = dict.fromkeys(catalogue.GROUPS, "cli/catalogue.py")
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        if not _SKIPPED & set(place.parts):
            for message in messages(path.read_text(encoding="utf-8")):
                found.setdefault(message, place.as_posix())
    return found


def read(path: Path) -> Catalog:
    """Read a catalogue."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.name)


def updated(old: Catalog, found: dict[str, str]) -> bytes:
    """Make the catalogue with exactly these messages, by module; translations that it had are
    kept.
    """
    new = Catalog(locale=old.locale, project="Tirta", version="1", creation_date=old.creation_date)
    new.revision_date = old.revision_date
    for message, place in sorted(found.items(), key=lambda item: item[1]):
        known = old.get(message)
        text = known.string if known is not None else ""
        new.add(message, text, auto_comments=[place])
    out = io.BytesIO()
    write_po(out, new, width=100, omit_header=True)
    head = (
        "# SPDX-License-Identifier: MIT\n"
        "# What the commands say: the messages by `make messages`, from the sources.\n"
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Language: {old.locale}\\n"\n\n'
    )
    return head.encode() + out.getvalue().rstrip() + b"\n"


def main() -> None:
    """Bring every catalogue up to date; say what has no translation."""
    found = spoken()
    for path in sorted(LOCALE.glob("*/tirta.po")):
        path.write_bytes(updated(read(path), found))
        open_ = [m.id for m in read(path) if m.id and not m.string]
        print(f"{path.relative_to(PACKAGE)}: {len(found)} messages, {len(open_)} not translated")


if __name__ == "__main__":
    main()
