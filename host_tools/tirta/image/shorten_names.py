# SPDX-License-Identifier: MIT
"""Shorter names for the node: what only one module calls so need not be a name of its own.

MicroPython keeps each name that a module brings, for ever, even when the module is dropped again;
on the node these names took more RAM than any module. So private names (`_x`) and parameters that
no call names are shared between modules: `_a`, `_b`… and `a`, `b`…. Rooms go, too (rooms.py).
Lines stay where they are: a traceback still says where, and the function has its public name or a
short one.

A private name of several modules stays where one of them may mean another's: one that does not bind
it, or that asks it of something but `self`. So do those of modules whose classes inherit from
another module's.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tirta.image.rooms import without_rooms
from tirta.image.source_tree import parse

_PRIVATE = re.compile(r"_[A-Za-z]\w*")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
Position = tuple[int, int]  # line, byte in it


class Names:
    """What may be shortened in the modules of a firmware tree, which come by their paths in it.

    Raises SyntaxError.
    """

    def __init__(self, sources: Mapping[Path, bytes]) -> None:
        self._modules = {path: _Module(source, str(path)) for path, source in sources.items()}
        modules = self._modules.values()
        self._keywords = set().union(*(module.keywords for module in modules))
        counts: dict[str, int] = {}
        foreign: set[str] = set()
        self._kept: set[str] = set(self._keywords)
        for module in modules:
            used = {name for name, _ in module.privates}
            for name in used:
                counts[name] = counts.get(name, 0) + 1
            foreign |= used - module.own
            self._kept |= module.texts | module.constants
            if module.inherits:
                self._kept |= used
        self._kept |= {name for name in foreign if counts[name] > 1}
        # Beginnings of names that are put together: getattr(self, "_make_" + kind).
        begun = tuple(t for t in self._kept if len(t) > 2 and t[0] == t[-1] == "_")
        self._kept |= {name for name in counts if name.startswith(begun)}

    def shorten(self, path: Path) -> bytes:
        """Return a program with shorter names that does the same as the module at `path`."""
        module = self._modules[path]
        changes: dict[Position, tuple[str, str]] = dict(module.rooms)
        taken = {name for name, _ in module.privates} | self._kept
        fresh = (f"_{name}" for name in _short() if f"_{name}" not in taken)
        new: dict[str, str] = {}
        for name, place in module.privates:
            if name in self._kept:
                continue
            if name not in new:
                new[name] = next(fresh)
            changes[place] = (name, new[name])
        for function in module.functions:
            changes |= self._parameters(function, module.names)
        return _replaced(module.source, changes)

    def _parameters(
        self, function: ast.FunctionDef, everything: set[str]
    ) -> dict[Position, tuple[str, str]]:
        # Decorators and defaults belong to what is around the function.
        nodes = [node for statement in function.body for node in ast.walk(statement)]
        if any(isinstance(n, (ast.FunctionDef, ast.Lambda)) for n in nodes):
            return {}  # a scope in a scope: not worth the care
        bound = {
            target.id
            for node in nodes
            if isinstance(node, ast.comprehension)
            for target in ast.walk(node.target)
            if isinstance(target, ast.Name)
        }
        fresh = (name for name in _short() if name not in everything)
        changes: dict[Position, tuple[str, str]] = {}
        new: dict[str, str] = {}
        for arg in function.args.args:
            if arg.arg == "self" or arg.arg in self._keywords or arg.arg in bound:
                continue
            new[arg.arg] = next(fresh)
            changes[arg.lineno, arg.col_offset] = (arg.arg, new[arg.arg])
        # Decorators and defaults stand outside: `@pace.setter` above `def pace(self, pace)`.
        for node in (n for part in function.body for n in ast.walk(part)):
            if isinstance(node, ast.Name) and node.id in new:
                changes[node.lineno, node.col_offset] = (node.id, new[node.id])
        return changes


class _Module:
    """What is asked of a module's tree, from one walk through it. Raises SyntaxError."""

    def __init__(self, source: bytes, path: str) -> None:
        tree = parse(source, path)
        nodes = list(ast.walk(tree))
        self.source = source
        self.keywords = {n.arg for n in nodes if isinstance(n, ast.keyword) and n.arg}
        self.names = {n.id for n in nodes if isinstance(n, ast.Name)}
        self.functions = [n for n in nodes if isinstance(n, ast.FunctionDef)]
        self.privates = list(_privates(nodes))
        self.own = _own(nodes)
        self.rooms = dict(without_rooms(nodes))
        self.texts = _texts(nodes)
        self.constants = _constants(tree)
        self.inherits = _inherits(nodes)


def _short() -> Iterator[str]:
    """a, b, … z, aa, ab, …: without those that mean something."""
    yield from _LETTERS
    for first in _LETTERS:
        for second in _LETTERS:
            if first + second not in {"as", "if", "in", "is", "or"}:
                yield first + second


def _privates(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, Position]]:
    """Private names and where they stand."""
    for node in nodes:
        if isinstance(node, ast.Name):
            found = node.id, (node.lineno, node.col_offset)
        elif isinstance(node, ast.Attribute) and node.end_col_offset and node.end_lineno:
            at = node.end_col_offset - len(node.attr)
            found = node.attr, (node.end_lineno, at)
        elif isinstance(node, ast.FunctionDef):
            found = node.name, (node.lineno, node.col_offset + len("def "))
        elif isinstance(node, ast.ClassDef):
            found = node.name, (node.lineno, node.col_offset + len("class "))
        else:
            continue
        if _PRIVATE.fullmatch(found[0]):
            yield found


def _own(nodes: Iterable[ast.AST]) -> set[str]:
    """Names that are bound here, and are asked of nothing but `self`."""
    bound: set[str] = set()
    of_others: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Attribute):
            if not (isinstance(node.value, ast.Name) and node.value.id == "self"):
                of_others.add(node.attr)
            elif isinstance(node.ctx, ast.Store):
                bound.add(node.attr)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
    return bound - of_others


def _texts(nodes: Iterable[ast.AST]) -> set[str]:
    """Names that stand elsewhere, too: texts, `global`, imports, exceptions, parameters."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.Global):
            found |= set(node.names)
        elif isinstance(node, ast.alias):
            found |= {node.name, node.asname or ""}
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
    return found


def _constants(tree: ast.Module) -> set[str]:
    """Private constants: the compiler puts their values in, and no name is left."""
    return {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "const"
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _inherits(nodes: Iterable[ast.AST]) -> bool:
    """Whether a class here inherits from one that was imported."""
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    own = {node.name for node in classes}
    return any(
        not isinstance(base, ast.Name) or base.id not in own
        for node in classes
        for base in node.bases
    )


def _replaced(source: bytes, changes: dict[Position, tuple[str, str]]) -> bytes:
    lines = source.splitlines(keepends=True)
    for (row, at), (old, new) in sorted(changes.items(), reverse=True):
        line = lines[row - 1]
        end = at + len(old)
        if line[at:end] != old.encode():
            raise SyntaxError(f"line {row} has no {old} at byte {at}")
        lines[row - 1] = line[:at] + new.encode() + line[end:]
    return b"".join(lines)
