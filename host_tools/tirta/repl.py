# SPDX-License-Identifier: MIT
"""Is there a MicroPython prompt at the other end? Asked without interrupting anything.

Ctrl-B leaves a raw REPL, and in the friendly one prints the banner again; a running program sees
two bytes that mean nothing to it.
"""

import re
import time
from dataclasses import dataclass

from tirta.line import Line
from tirta.text import clean

_BANNER = re.compile(rb"MicroPython (v?[0-9][^\s;]*)[^;\r\n]*;\s*([^\r\n]*)")


@dataclass(frozen=True)
class Banner:
    """What MicroPython says of itself; the fields are empty when only a prompt was seen."""

    version: str
    machine: str


def ask(line: Line, timeout_s: float = 0.8) -> Banner | None:
    """The banner of the REPL at the other end, or None when there is none."""
    line.write(b"\r\x02")
    seen = b""
    until = time.monotonic() + timeout_s
    while (left_s := until - time.monotonic()) > 0 and len(seen) < 8192:
        seen += line.read(left_s)
        if (found := _BANNER.search(seen)) and b">>>" in seen:
            version, machine = (part.decode("utf-8", "replace") for part in found.groups())
            return Banner(clean(version, 32), clean(machine))
    return Banner("", "") if b">>> " in seen else None
