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
