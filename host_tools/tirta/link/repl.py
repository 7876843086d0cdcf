# SPDX-License-Identifier: MIT
"""Is there a MicroPython prompt at the other end, and is it one of our nodes that pauses? Asked
without interrupting anything.

Ctrl-B leaves a raw REPL, and in the friendly one prints the banner again; a running program sees
two bytes that mean nothing to it. Only behind a prompt a line is typed, which prints what boot.py
of a node leaves there: its slot, and how long a visit may last (hal/chip.py).
"""

import ast
import re
import struct
import time
from dataclasses import dataclass

from tirta.link.serial_line import Line
from tirta.text import clean, duration

_BANNER = re.compile(rb"MicroPython (v?[0-9][^\s;]*)[^;\r\n]*;\s*([^\r\n]*)")
_LOOK = (
    b"print('tir'+'ta',globals().get('started')!=None,"
    b"__import__('machine').unique_id().hex(),__import__('machine').RTC().memory())\r"
)
# What is there may be anybody: of the bytes no more is taken than a repr of some seven can be.
_SEEN = re.compile(
    rb"\ntirta (True|False) ([0-9a-f]{12})"
    rb" (b(['\"])(?:\\x[0-9a-f]{2}|\\[\\tnr'\"]|[ -\[\]-~]){0,64}\4)\r?\n"
)
_VISIT = struct.Struct("<2sIB")  # magic, seconds, flag
_VISIT_MAGIC = b"Ti"
_MOST = 8192  # bytes of whatever is there


@dataclass(frozen=True)
class Banner:
    """What MicroPython says of itself; the fields are empty when only a prompt was seen.

    `node` is the id of a node whose application pauses for a visit of at most `visit_s`.
    """

    version: str
    machine: str
    node: str = ""
    visit_s: int = 0

    @property
    def goes_on(self) -> str:
        """When a paused node samples again, for a person."""
        if not self.visit_s:
            return "It goes on by itself after a while"
        return f"It goes on by itself within {duration(self.visit_s)}"


def ask(line: Line, timeout_s: float = 0.8) -> Banner | None:
    """Ask for the banner of the REPL at the other end, or None when there is none."""
    line.write(b"\r\x02")
    found = None
    seen = b""
    until = time.monotonic() + timeout_s
    while (left_s := until - time.monotonic()) > 0 and len(seen) < _MOST and found is None:
        seen += line.read(left_s)
        if b">>>" in seen:
            found = _BANNER.search(seen)
    if found is None and b">>> " not in seen:
        return None
    parts = found.groups() if found else (b"", b"")
    version, machine = (part.decode("utf-8", "replace") for part in parts)
    return Banner(clean(version, 32), clean(machine), *_paused(line, timeout_s))


def _paused(line: Line, timeout_s: float) -> tuple[str, int]:
    """(id, seconds of a visit) of a node of ours at the prompt, or ("", 0)."""
    line.write(_LOOK)
    seen = b""
    until = time.monotonic() + timeout_s
    while (left_s := until - time.monotonic()) > 0 and len(seen) < _MOST:
        seen += line.read(left_s)
        if found := _SEEN.search(seen):
            if found[1] != b"True":
                return "", 0
            return found[2].decode(), _visit_s(found[3])
        if b"Error" in seen and seen.endswith(b">>> "):
            break
    return "", 0


def _visit_s(literal: bytes) -> int:
    try:
        kept = ast.literal_eval(literal.decode("ascii"))
        magic, seconds, _ = _VISIT.unpack(kept)
    except (ValueError, SyntaxError, TypeError, struct.error):
        return 0
    return int(seconds) if magic == _VISIT_MAGIC else 0
