# SPDX-License-Identifier: MIT
"""Every test has a computer of its own, as far as keys and known nodes go: no test reads or writes
those of whoever runs it, or those of another test. And what long tests measured can be kept.
"""

from collections import Counter
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
    """Name, results, seconds and what was recorded, of each test function that ran."""
    results: dict[str, Counter[str]] = {}
    seconds: Counter[str] = Counter()
    recorded: dict[str, list[str]] = {}
    for result in ("passed", "failed", "error", "skipped"):
        for report in reporter.getreports(result):
            name = report.nodeid.removeprefix("tests/").partition("[")[0]
            results.setdefault(name, Counter())[result] += 1
            seconds[name] += report.duration
            found = (text for key, text in report.user_properties if key == "measured")
            recorded.setdefault(name, []).extend(found)
    for name, counts in sorted(results.items()):
        told = ", ".join(f"{count:,} {result}" for result, count in counts.items())
        yield name, told, f"{seconds[name]:.0f}", "; ".join(recorded[name])
