# SPDX-License-Identifier: MIT
"""The syntax tree of one of the node's programs."""

import ast
import threading

_PARSER = threading.Lock()  # Python 3.11 loses count when two threads parse at once


def parse(source: bytes, path: str) -> ast.Module:
    """Return the tree of a module. `path` is for the message. Raises SyntaxError."""
    with _PARSER:
        return ast.parse(source, path)
