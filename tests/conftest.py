# SPDX-License-Identifier: MIT
"""Every test has a computer of its own, as far as keys and known nodes go: no test reads or writes
those of whoever runs it, or those of another test. And what long tests measured can be kept.
"""

from collections.abc import Iterator
from itertools import count

import measured
import pytest

_NUMBERS = count()


@pytest.fixture(autouse=True)
def _own_keys(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.getbasetemp() / f"computer-{next(_NUMBERS)}"
    monkeypatch.setenv("TIRTA_KEYS", str(folder / "keys"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--measured SECTION`: leave what these tests recorded as "measured" for docs/MEASURED.md."""
    parser.addoption("--measured", choices=list(measured.SECTIONS), metavar="SECTION")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Keep the section, if one was asked for."""
    section = config.getoption("--measured")
    if section:
        head = ("test", "result", "seconds", "measured")
        measured.keep(section, measured.rows(head, list(_told(terminalreporter))))


def _told(reporter: pytest.TerminalReporter) -> Iterator[tuple[str, str, str, str]]:
    """Name, result, seconds and what it recorded, of each test that ran."""
    for result in ("passed", "failed", "error", "skipped"):
        for report in reporter.getreports(result):
            found = "; ".join(text for key, text in report.user_properties if key == "measured")
            name = report.nodeid.removeprefix("tests/")
            yield name, result, f"{report.duration:.0f}", found
