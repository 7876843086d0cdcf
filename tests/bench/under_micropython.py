# SPDX-License-Identifier: MIT
"""Runs a program of `tests/micropython` with the firmware, as it is or counted by callgrind.

The wheel of `tirta[virtual]` holds MicroPython as an extension module; a Python without site
packages starts it. What that Python spends is the same for every run, so that it goes out with the
difference of two runs.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
FOLDERS = (TESTS / "micropython", TESTS.parent / "firmware")
HEAP = "32m"
_RUN = """\
import importlib.util, sys
spec = importlib.util.spec_from_file_location("micropython_run", sys.argv[1])
run = importlib.util.module_from_spec(spec)
spec.loader.exec_module(run)
sys.exit(run.run_main(["micropython"] + sys.argv[2:]))
"""
_TOTALS = re.compile(r"^totals: (\d+)", re.MULTILINE)
_COLLECTED = re.compile(r"Collected : (\d+)")


class BenchError(Exception):
    """A measurement that failed, and with it the run."""


def available() -> bool:
    """Whether unix MicroPython is installed."""
    return importlib.util.find_spec("micropython_run") is not None


def can_count() -> bool:
    """Whether instructions can be counted."""
    return available() and shutil.which("valgrind") is not None


def _command(code: str, heap: str = HEAP) -> list[str]:
    spec = importlib.util.find_spec("micropython_run")
    if spec is None or spec.origin is None:
        raise BenchError("unix MicroPython is missing: pip install 'tirta[virtual]'")
    start = f"import sys\nsys.path[:] = {[*map(str, FOLDERS)]!r} + ['.frozen']\n{code}"
    python = [sys.executable, "-S", "-c", _RUN, spec.origin]
    return [*python, "-X", f"heapsize={heap}", "-c", start]


def _done(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise BenchError(
            f"the node's side ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        )
    return done


def run(code: str) -> str:
    """What the program printed."""
    return _done(_command(code)).stdout


def instructions(code: str, heap: str = HEAP) -> int:
    """How many instructions the program and its interpreter took."""
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    found = _COLLECTED.search(_done([*tool, *_command(code, heap)]).stderr)
    if found is None:
        raise BenchError("valgrind did not say how many instructions it counted")
    return int(found[1])


def instructions_between(code: str, mark: str) -> list[int]:
    """The same between each call of the C function `mark` and the next."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "counts"
        tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        _done([*tool, f"--dump-before={mark}", *_command(code)])
        parts = sorted(Path(folder).glob("counts.*"), key=lambda path: int(path.suffix[1:]))
        counts = [_TOTALS.search(part.read_text()) for part in parts]
    if len(counts) < 2 or None in counts:
        raise BenchError(f"callgrind did not count between the calls of {mark}")
    return [int(count[1]) for count in counts[1:] if count]


def instructions_per_turn(code: str, short: int, long: int, heap: str = HEAP) -> float:
    """Of a program with `{n}` for its number of turns: the difference of two runs."""
    counts = [instructions(code.replace("{n}", str(n)), heap) for n in (short, long)]
    return (counts[1] - counts[0]) / (long - short)
