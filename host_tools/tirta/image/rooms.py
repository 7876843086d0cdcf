# SPDX-License-Identifier: MIT
"""The rooms of the node's package, which are not on the node: a folder would cost it two blocks of
flash and a quarter of a kilobyte of RAM, and longer names as much again.

What is `tirta_node.storage.log` here is `tirta_node.log` there; so no two rooms may have a module
of the same name. `hal` and `sensors`, whose modules are chosen by name, stay folders.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGE = "tirta_node"
ROOMS = frozenset((
    "access", "alarms", "line", "requests", "sampling", "start", "state", "storage", "updates",
    "uplink",
))  # fmt: skip
Change = tuple[
    tuple[int, int], tuple[str, str]
]  # (line, byte in it), (what stands there, what shall)


def on_node(path: Path) -> Path:
    """Return where a source of the firmware lies on the node, without its room."""
    parts = path.parts
    if len(parts) > 2 and parts[0] == PACKAGE and parts[1] in ROOMS:
        return Path(PACKAGE, *parts[2:])
    return path


def without_rooms(nodes: Iterable[ast.AST]) -> Iterator[Change]:
    """Find what is to be replaced in a module so that it imports from there. The lines stay."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from _of_import(node, node.module)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = without_room(node.value)
            if name != node.value:
                yield (node.lineno, node.col_offset + 1), (node.value, name)


def _of_import(node: ast.ImportFrom, module: str) -> Iterator[Change]:
    at = node.lineno, node.col_offset + len("from ")
    if _room(module):  # from tirta_node.storage import log
        yield at, (module, PACKAGE)
    elif without_room(module) != module:  # from tirta_node.storage.log import Log
        yield at, (module, without_room(module))


def _room(name: str) -> bool:
    first, _, room = name.partition(".")
    return first == PACKAGE and room in ROOMS


def without_room(name: str) -> str:
    """Return the name by which the node imports a module."""
    room, _, module = name.rpartition(".")
    return f"{PACKAGE}.{module}" if _room(room) else name
