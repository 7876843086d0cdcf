# SPDX-License-Identifier: MIT
"""Tests wait for what happens. None of them fails because the computer has other work."""

import re
import subprocess
import sys
import time

import patience
import pytest
from support import CHECKOUT

BOUNDS = {
    "a moment of the clock as a limit": re.compile(r"while .*(monotonic|perf_counter|time)\(\) <"),
    "a limit on a program": re.compile(r"(subprocess\.run|\.communicate|\.wait)\([^)]*timeout="),
    "an assertion on the clock": re.compile(r"assert .*monotonic\(\).* <"),
    "a deadline of hypothesis": re.compile(r"from hypothesis import .*\b(given|settings)\b"),
}
ALLOWED = {
    ("tests/host/test_waiting.py", "a deadline of hypothesis"),  # the pattern above
    ("tests/support/generated.py", "a deadline of hypothesis"),  # switches it off for all
    ("tests/support/patience.py", "a limit on a program"),  # looks every second
    ("tests/support/foreign.py", "a limit on a program"),  # a download; its tests skip
    (
        "tests/system/test_locked_boot.py",
        "a moment of the clock as a limit",
    ),  # presses keys
    ("tests/system/test_locked_attacks.py", "a moment of the clock as a limit"),  # guesses
}


def test_nothing_here_bounds_wall_time() -> None:
    found = {
        (str(path.relative_to(CHECKOUT)), what)
        for folder in ("host", "system", "both", "micropython")
        for path in (CHECKOUT / "tests" / folder).glob("*.py")
        for what, bound in BOUNDS.items()
        if bound.search(path.read_text())
    }
    assert found - ALLOWED == set()


def test_patience_ends_and_a_busy_computer_gets_more_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    for share in (1.0, 0.1):
        monkeypatch.setattr(patience, "_share", lambda share=share: share)
        patient = patience.Patience(10)
        now[0] += 9 / share
        assert not patient.over()
        now[0] += 2 / share
        assert patient.over()


def test_a_program_that_hangs_is_ended() -> None:
    with pytest.raises(AssertionError, match="does not end"):
        patience.run([sys.executable, "-c", "import time; time.sleep(600)"], patience_s=0.1)
    done = patience.run([sys.executable, "-c", "print(1); raise SystemExit(3)"])
    assert (done.returncode, done.stdout) == (3, "1\n")
    with pytest.raises(subprocess.CalledProcessError):
        patience.run([sys.executable, "-c", "raise SystemExit(3)"], check=True)


def test_the_demo_installs_what_it_needs_and_the_tests_the_rest() -> None:
    """Either may come first: what the tests have contains what the demo has."""
    makefile = (CHECKOUT / "Makefile").read_text()
    assert "demo: $(DEMO)" in makefile
    assert "-e '.[receive,virtual]'\n\t@touch $@" in makefile
    assert "-e '.[virtual,dev]'\n\t@touch $(DEMO) $@" in makefile
