# SPDX-License-Identifier: MIT
"""Bring the catalogues of the commands' messages up to date: tirta/locale/LANGUAGE/tirta.po.

A message is written in English where it is said, as a string or an f-string; in the catalogue each
of its values is a number in braces: "The archive has no node {0}.". This reads the sources, adds
what is new without a translation and drops what nobody says any more. `make messages` calls it; a
test fails while a message has no translation.
"""

import ast
import io
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from tirta.cli import catalogue

PACKAGE = Path(__file__).parent / "tirta"
LOCALE = PACKAGE / "locale"
_SKIPPED = {"report", "locale", "virtual"}  # the page has a catalogue of its own
_KEPT = {  # what goes into an archive, and what only programs read, is English
    "tables/events.py", "fleet/sensorthings.py", "fleet/sta_answers.py", "fleet/sta_filter.py",
    "fleet/sta_model.py", "fleet/sta_options.py", "fleet/sta_source.py",
}  # fmt: skip
# Functions whose text arguments a person reads, and which of them (None: all).
_SAYING = {
    "TirtaError": None, "say": (0,), "error": (0, 1), "ask": (0,), "out": (0,), "Finding": None,
    "Problem": None, "Damage": None, "Kind": None, "translated": (0,), "field": (0, 1),
    "_tell": (2,), "_say": (0,), "bar": (0,), "bars": (0,), "Patience": (1,), "Silence": (1,),
    "_patience": (0,), "choose": (0,), "Mistake": (1, 2), "table": (0,), "said": (0,),
    "refused": (0,), "_failed": (0,), "_other_board": (1,), "until": (0,), "tell": (0,),
    "append": (0,), "_refused": (1,), "_damaged": (0,), "_write": (2,),
}  # fmt: skip
_TELLING = {  # functions that return or yield what is said
    "_told", "_now", "unrest", "misspelt", "speak", "goes_on", "_changed", "_unreadable",
    "_failure", "text", "comma", "explained", "overview",
    "first_problem",
}  # fmt: skip
_KEYWORDS = {"help", "hint", "what", "next", "title", "titles", "why"}  # arguments, and variables
_LETTERS = re.compile("[A-Za-z]{2,}")
_DEPTH = 3  # a name that stands for a name
_PASSING = {"get", "join", "format", "items", "values"}  # what they give is in what they are of
_LISTS = {"SAID_ELSEWHERE"}  # constants with what argparse, the system or a node says


class _Module:
    """The messages of one module: what stands where it is said, or in what that names."""

    def __init__(self, source: str) -> None:
        self._tree = ast.parse(source)
        self._named: dict[str, list[ast.expr]] = {}  # what a name is given anywhere in it
        self._returned: dict[str, list[ast.expr]] = {}  # what a function returns
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    self._give(target, node.value)
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                self._give(node.target, node.value)
            elif isinstance(node, ast.For | ast.comprehension):
                self._give(node.target, node.iter)
            elif isinstance(node, ast.FunctionDef):
                self._returned[node.name] = [
                    inner.value
                    for inner in ast.walk(node)
                    if isinstance(inner, ast.Return | ast.Yield) and inner.value is not None
                ]

    def _give(self, target: ast.expr, value: ast.expr) -> None:
        for name in ast.walk(target):
            if isinstance(name, ast.Name):
                self._named.setdefault(name.id, []).append(value)

    def messages(self) -> Iterator[str]:
        """Yield every message, as its template."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Call):
                yield from self._of_call(node)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id
                if name in _KEYWORDS:
                    yield from self._templates(node.value)
                elif name in _LISTS:
                    yield from ast.literal_eval(node.value)
            elif isinstance(node, ast.FunctionDef) and node.name in _TELLING:
                for value in self._returned[node.name]:
                    yield from self._templates(value)
            elif isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Call) and _name(inner.func) == "__init__":
                        for argument in inner.args:
                            yield from self._templates(argument)

    def template(self, text: ast.expr) -> Iterator[str]:
        """Yield the text itself, as a template, where it is a phrase."""
        return filter(_phrase, self._templates(text, 0))

    def _of_call(self, call: ast.Call) -> Iterator[str]:
        name = _name(call.func)
        if name in _SAYING or name.endswith("Error"):
            places = _SAYING.get(name)
            for at, argument in enumerate(call.args):
                if places is None or at in places:
                    yield from self._templates(argument)
        if name == "Command":
            yield from self._templates(call.args[2])
        if name == "counted":
            yield from _nouns(*[str(a.value) for a in call.args[1:] if isinstance(a, ast.Constant)])
        for keyword in call.keywords:
            if keyword.arg in _KEYWORDS:
                yield from self._templates(keyword.value)

    def _templates(self, text: ast.expr, depth: int = _DEPTH) -> Iterator[str]:
        """Yield the texts that an expression may give, and those that are put into them."""
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            if _worth(text.value):
                yield text.value
        elif isinstance(text, ast.JoinedStr):
            template, count = "", 0
            for part in text.values:
                if isinstance(part, ast.Constant):
                    template += str(part.value)
                elif isinstance(part, ast.FormattedValue):
                    template += f"{{{count}}}"
                    count += 1
                    yield from filter(_phrase, self._templates(part.value, depth))
            if _worth(template):
                yield template
        else:
            for inner in _parts(text):
                yield from self._templates(inner, depth)
            if depth:
                for inner in self._meant(text):
                    yield from filter(_phrase, self._templates(inner, depth - 1))

    def _meant(self, text: ast.expr) -> list[ast.expr]:
        """Return what a name stands for, and what a function of the module returns."""
        if isinstance(text, ast.Name):
            return self._named.get(text.id, [])
        if isinstance(text, ast.Call):
            return self._returned.get(_name(text.func), [])
        return []


def _parts(text: ast.expr) -> list[ast.expr]:
    """Return the expressions of which one, or all, are the text."""
    if isinstance(text, ast.IfExp):
        return [text.body, text.orelse]
    if isinstance(text, ast.Tuple | ast.List):
        return text.elts
    if isinstance(text, ast.BoolOp):
        return text.values
    if isinstance(text, ast.Dict):
        return text.values
    if isinstance(text, ast.Subscript):
        return [text.value]
    if (
        isinstance(text, ast.Call)
        and isinstance(text.func, ast.Attribute)
        and text.func.attr in _PASSING
    ):
        return [text.func.value, *text.args]
    return []


def _nouns(one: str, many: str = "") -> Iterator[str]:
    """Yield what `counted` makes of them."""
    yield f"{{0}} {one}"
    yield f"{{0}} {many or one + 's'}"


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _phrase(text: str) -> bool:
    """Tell whether it is more than one word: single ones are names as often as not."""
    return " " in text.strip() and sum(word.isalpha() for word in text.split()) > 1


def _worth(text: str) -> bool:
    """Tell whether it has a word to translate."""
    return any(len(word) > 1 and word.isalpha() for word in text.split())


def spoken() -> dict[str, str]:
    """Return every message of the package, with the module that says it."""
    found: dict[str, str] = dict.fromkeys(catalogue.GROUPS, "cli/catalogue.py")
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        if not _SKIPPED & set(place.parts) and place.as_posix() not in _KEPT:
            for message in _Module(path.read_text(encoding="utf-8")).messages():
                found.setdefault(message, place.as_posix())
    return found


def unsaid(source: str, found: Collection[str]) -> Iterator[str]:
    """Yield the phrases of a module that are in no message and in no docstring."""
    tree = ast.parse(source)
    inside = {id(part) for node in ast.walk(tree) for part in _within(node)}
    module = _Module(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in inside:
            yield from (
                t for t in module.template(node) if t not in found and len(_LETTERS.findall(t)) > 1
            )


def _within(node: ast.AST) -> list[ast.expr]:
    """Return what is no text of its own: a docstring, and pieces of an f-string."""
    if isinstance(node, ast.Expr):
        return [node.value]
    return node.values if isinstance(node, ast.JoinedStr) else []


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
