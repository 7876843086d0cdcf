# SPDX-License-Identifier: MIT
"""Runs tests/both under MicroPython, with 64-bit and with 32-bit words. pytest itself collects the
same files for CPython.
"""

import pytest
from interpreters import BOTH, COMMANDS, FIRMWARE, run

FILES = sorted(path.stem for path in BOTH.glob("test_*.py"))


def test_there_are_files() -> None:
    assert len(FILES) >= 3


@pytest.mark.parametrize("interpreter", COMMANDS)
@pytest.mark.parametrize("name", FILES)
def test_file(name: str, interpreter: str) -> None:
    code = f"import harness\nif harness.run({name!r}):\n    raise RuntimeError('tests failed')\n"
    out = run(COMMANDS[interpreter](code, [FIRMWARE, BOTH]))
    print(out)
    assert out.count("passed ") >= 5
    assert "FAILED" not in out
