# SPDX-License-Identifier: MIT
"""The firmware's sources as trees, for tests that read them."""

import ast
import functools
from pathlib import Path

from interpreters import FIRMWARE

SOURCES = sorted(FIRMWARE.rglob("*.py"))


@functools.cache
def parsed() -> list[tuple[Path, ast.Module]]:
    """Every file, once a process."""
    return [(path, ast.parse(path.read_text())) for path in SOURCES]


def names(source: str | bytes) -> set[str]:
    """Every name that a program binds, uses or asks for."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        for field in ("id", "attr", "arg", "name"):
            if isinstance(value := getattr(node, field, None), str):
                found.add(value)
    return found
