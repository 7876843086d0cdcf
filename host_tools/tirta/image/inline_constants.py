# SPDX-License-Identifier: MIT
"""Numbers in place of the names of constants, for the node.

A public constant of a module (`frame.STATUS`) is a name in the node's table of names, an entry in
its module and a search at each use, though it never changes. So where a program asks another module
for one, its number stands there instead, as a C compiler does it; one that is then asked for in its
own module only becomes a private constant, which `mpy-cross` resolves by itself; and what was
imported for constants alone is imported no more. Lines stay where they are.

Constants are whole numbers, bound once, at the top of their module. A name that is asked of
something else than its module, or stands in a text, stays. What a module imported is asked of it
by the module's own name, or not at all.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from tirta.image.rooms import on_node, without_room
from tirta.image.source_tree import parse
from tirta.image.whole_numbers import elements, whole_number


class SourceRange(NamedTuple):
    """Where something stands: line from 1 and byte in it, and the same of its end."""

    line: int
    start: int
    last: int
    end: int

    def is_in(self, other: "SourceRange") -> bool:
        """Return whether the other reaches around this one."""
        return other[:2] <= self[:2] and self[2:] <= other[2:]


class Definition(NamedTuple):
    """A statement that binds constants, and their values by their names."""

    place: SourceRange
    values: dict[str, int]


def inline(sources: Mapping[Path, bytes], askers: Iterable[bytes] = ()) -> dict[Path, bytes]:
    """Return programs that do the same as `sources`, by their paths in the firmware's tree.

    `askers` are programs that stay as they are: what they ask for stays, too. Raises SyntaxError.
    """
    by_path = {path: _Module(source, str(path)) for path, source in sources.items()}
    modules = {_dotted(path): module for path, module in by_path.items()}
    as_they_are = [_Module(source, "boot.py") for source in askers]
    kept = {name for module in as_they_are for name in module.asked_names()}
    for module in [*as_they_are, *by_path.values()]:
        module.look(modules)
    for module in by_path.values():
        kept |= module.asked_names()
    return {path: module.inlined(kept) for path, module in by_path.items()}


class _Module:
    """What is asked of a module's tree. Raises SyntaxError."""

    def __init__(self, source: bytes, path: str) -> None:
        self._tree = parse(source, path)
        self._source = source
        self._lines = source.splitlines()
        self._nodes = list(ast.walk(self._tree))
        self._foreign: dict[ast.expr, int] = {}  # what asks another module, and its number
        self.asked: set[str] = set()  # names that others ask of this module

    @cached_property
    def _bound(self) -> list[str]:
        """Each name as often as something binds it."""
        return [name for node in self._nodes for name in _binds(node)]

    @cached_property
    def _uses(self) -> dict[str, list[ast.Name]]:
        """Where each name stands by itself, its binding included."""
        found: dict[str, list[ast.Name]] = {}
        for node in self._nodes:
            if isinstance(node, ast.Name):
                found.setdefault(node.id, []).append(node)
        return found

    @cached_property
    def _texts(self) -> set[str]:
        constants = (node.value for node in self._nodes if isinstance(node, ast.Constant))
        return {value for value in constants if isinstance(value, str)}

    @cached_property
    def _imports(self) -> dict[str, list[str]]:
        """What each imported name means, as often as it is imported."""
        found: dict[str, list[str]] = {}
        for node in self._nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                owner = node.module or "" if isinstance(node, ast.ImportFrom) else ""
                begin = f"{without_room(owner)}." if owner else ""
                for alias in node.names:
                    meant = without_room(begin + alias.name)
                    found.setdefault(alias.asname or alias.name, []).append(meant)
        return found

    @cached_property
    def _definitions(self) -> list[Definition]:
        found: list[Definition] = []
        known: dict[str, int] = {}
        for node in self._tree.body:
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                names = elements(node.targets[0])
                values = [whole_number(one, known) for one in elements(node.value)]
                pairs = {
                    name.id: value
                    for name, value in zip(names, values, strict=False)
                    if isinstance(name, ast.Name) and value is not None and self._is_fixed(name)
                }
                if len(pairs) == len(names) == len(values):
                    found.append(Definition(_place(node), pairs))
                    known |= pairs
        return found

    def _is_fixed(self, name: ast.Name) -> bool:
        is_read = all(self._stands(use) for use in self._uses[name.id])
        return is_read and self._bound.count(name.id) == 1

    @cached_property
    def constants(self) -> dict[str, int]:
        """Values of what the module binds to whole numbers, by their names."""
        return {name: value for one in self._definitions for name, value in one.values.items()}

    def look(self, modules: Mapping[str, "_Module"]) -> None:
        """Find what asks other modules for constants, and tell them what is asked of them."""
        for meant in chain.from_iterable(self._imports.values()):
            before, _, name = meant.rpartition(".")
            if before in modules:
                modules[before].asked.add(name)
        for node in self._nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                owner, name = modules.get(self._imported(node.value.id)), node.attr
            elif isinstance(node, ast.Name):
                before, _, name = self._imported(node.id).rpartition(".")
                owner = modules.get(before)
            else:
                continue
            if owner:
                owner.asked.add(name)
            if owner and name in owner.constants and self._stands(node):
                self._foreign[node] = owner.constants[name]

    def asked_names(self) -> set[str]:
        """Return the names that must stay, wherever they are bound."""
        attributes = (node for node in self._nodes if isinstance(node, ast.Attribute))
        found = self._texts | {node.attr for node in attributes if node not in self._foreign}
        for local, meant in self._imports.items():
            if not self._is_replaced(local):
                found |= {whole.rpartition(".")[2] for whole in meant}
        return found

    def inlined(self, kept: set[str]) -> bytes:
        """Return the program with numbers. `kept` are names that stay."""
        changes = {_place(node): _written(value) for node, value in self._foreign.items()}
        definitions: dict[SourceRange, str] = {}
        for place, values in self._definitions:
            told = []
            for name, value in values.items():
                if private := self._private(name, kept):
                    told.append(f"{private} = const({value})")
                    changes |= {_place(use): private for use in self._uses[name]}
                else:
                    told.append(f"{name} = {_written(value)}")
            definitions[place] = "; ".join(told)
        inside = {place for place in changes for whole in definitions if place.is_in(whole)}
        changes = {place: text for place, text in changes.items() if place not in inside}
        for node in self._nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                changes |= self._import(node)
        return _replaced(self._source, changes | definitions)

    def _private(self, name: str, kept: set[str]) -> str:
        """Return the name of a private constant for this one, or nothing where it must stay."""
        if name.startswith("_"):
            return "" if name in kept else name
        private = f"_{name}"
        is_free = private not in self._bound and private not in self._uses and private not in kept
        return private if is_free and name not in kept else ""

    def _import(self, node: ast.Import | ast.ImportFrom) -> dict[SourceRange, str]:
        left = []
        for alias in node.names:
            local = alias.asname or alias.name
            if local in self.asked or not self._is_replaced(local):
                left.append(alias)
        if len(left) == len(node.names):
            return {}
        rest: ast.stmt = ast.Pass()
        if left:
            owner = node.module if isinstance(node, ast.ImportFrom) else None
            rest = ast.ImportFrom(owner, left, 0) if owner else ast.Import(left)
        return {_place(node): ast.unparse(rest)}

    def _is_replaced(self, local: str) -> bool:
        """Whether a number stands wherever this imported name is used."""
        uses = self._uses.get(local, [])
        asking = {node.value for node in self._foreign if isinstance(node, ast.Attribute)}
        return bool(uses) and all(use in asking or use in self._foreign for use in uses)

    def _imported(self, local: str) -> str:
        """Return what an imported name means, or nothing where that is not certain."""
        meant = self._imports.get(local, [])
        is_certain = len(set(meant)) == 1 and self._bound.count(local) == len(meant)
        return meant[0] if is_certain else ""

    def _stands(self, node: ast.expr) -> bool:
        """Whether that is where the tree says, and written plainly. In an f-string the trees of
        different Pythons differ.
        """
        line, start, last, end = _place(node)
        written = self._lines[line - 1][start:end].decode()
        return node not in self._in_texts and last == line and written == ast.unparse(node)

    @cached_property
    def _in_texts(self) -> set[ast.AST]:
        texts = (node for node in self._nodes if isinstance(node, ast.JoinedStr))
        return {node for text in texts for node in ast.walk(text)}


def _binds(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.Global | ast.Nonlocal):
        yield from node.names
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name
    elif isinstance(node, ast.alias):
        yield node.asname or node.name


def _written(value: int) -> str:
    return str(value) if value >= 0 else f"({value})"


def _dotted(path: Path) -> str:
    """Return the name by which the node imports a module: those of frozen/ lie at the top."""
    parts = on_node(path).with_suffix("").parts
    return ".".join(part for part in parts if part not in ("frozen", "__init__"))


def _place(node: ast.stmt | ast.expr) -> SourceRange:
    last, end = node.end_lineno, node.end_col_offset
    return SourceRange(node.lineno, node.col_offset, last or node.lineno, end or 0)


def _replaced(source: bytes, changes: Mapping[SourceRange, str]) -> bytes:
    lines = source.splitlines(keepends=True)
    for place, text in sorted(changes.items(), reverse=True):
        begin, rest = lines[place.line - 1][: place.start], lines[place.last - 1][place.end :]
        empty = [b"\n"] * (place.last - place.line)
        lines[place.line - 1 : place.last] = [begin + text.encode() + rest, *empty]
    return b"".join(lines)
