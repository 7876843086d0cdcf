# SPDX-License-Identifier: MIT
"""Runs the checks of tests/micropython: the node's parts on simple hardware, with 64-bit words and
with the chip's 32-bit words (where small integers have 31 bits, and more allocates sooner).
"""

import pytest
from interpreters import BOTH, COMMANDS, DEVICES, FIRMWARE, ON_NODE, run

CHECKS = sorted(path.stem for path in ON_NODE.glob("check_*.py"))


@pytest.mark.parametrize("interpreter", COMMANDS)
@pytest.mark.parametrize("name", CHECKS)
def test_check(name: str, interpreter: str) -> None:
    code = f"import harness\nif harness.run({name!r}):\n    raise RuntimeError('checks failed')\n"
    out = run(COMMANDS[interpreter](code, [FIRMWARE, FIRMWARE / "frozen", ON_NODE, BOTH, DEVICES]))
    print(out)
    assert out.count("passed ") >= 8
    assert "FAILED" not in out
