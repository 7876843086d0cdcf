# SPDX-License-Identifier: MIT
"""`tirta pull` by number, by time and of all nodes, and `tirta tail`, from the real firmware."""

import contextlib
import json
import os
import re
import subprocess
import sys
import termios
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from logged import LOGGED, logged_node
from node_configs import config
from patience import run

from tirta import virtual

TIRTA = [sys.executable, "-c", "import sys; from tirta.cli import main; sys.exit(main())"]
MINUTES = 6000
BAUD = 921_600
CONFIG = config(interval_ms=200)


@pytest.fixture(name="folder", scope="module")
def folder_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a node runs that has some days in its log."""
    folder = tmp_path_factory.mktemp("collect")
    with logged_node(folder, MINUTES, baud=BAUD):
        yield folder


def tirta(folder: Path, *arguments: str | Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIRTA_VIRTUAL_DIR", str(folder / "virtual"))
        done = run([*TIRTA, *arguments, "--json"])
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_range_by_number(folder: Path, tmp_path: Path) -> None:
    (found,) = tirta(folder, "pull", "--from", "3000", "--to", "3100", "--archive", tmp_path)
    assert found["first"] <= 3000
    assert 3100 <= found["last"] < MINUTES - 100
    assert found["holes"] == []


def test_a_range_by_time(folder: Path, tmp_path: Path) -> None:
    tirta(folder, "pull", "--from", str(MINUTES), "--archive", tmp_path / "clock")
    begin = datetime.now(UTC) - timedelta(minutes=100)
    (found,) = tirta(folder, "pull", "--from", begin.isoformat(), "--archive", tmp_path / "a")
    assert found["holes"] == []
    assert 100 <= found["records"] < 2000
    assert found["last"] >= MINUTES - 2


def test_all_nodes_with_a_bar_each(folder: Path, tmp_path: Path) -> None:
    """Three nodes at once, before a terminal of 100 columns; one of them has a long log."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIRTA_VIRTUAL_DIR", str(folder / "virtual"))
        others = [virtual.up(name, app=True, config=CONFIG, baud=BAUD) for name in ("x", "y")]
        try:
            shown = on_a_terminal("pull", "--all", "--archive", str(tmp_path))
            done = tirta(folder, "pull", "--all", "--archive", tmp_path)
            port = virtual.control(LOGGED, {"do": "status"})["port"]
        finally:
            for other in others:
                virtual.down(other.name)
    ports = {port, *(other.port for other in others)}
    for each in ports:
        assert f"Pulling {Path(each).parent.name}/port" in shown, "a node without a bar"
    bars = [line for line in re.split("[\r\n]", shown) if "Pulling" in line]
    assert any("━" in line and "B" in line for line in bars)
    assert len(re.findall(r"[0-9] new records?[, ]", shown)) == 3
    assert "\x1b[?25h" in shown, "the cursor stays away"
    (found,) = done
    assert [result["holes"] for result in found] == [[], [], []]
    assert len({result["node"] for result in found}) == 3
    assert max(result["total"] for result in found) >= MINUTES - 1
    assert sum(result["records"] for result in found) < MINUTES / 2, (
        "a second pull brought all again"
    )


def on_a_terminal(*arguments: str) -> str:
    """What a command shows on a terminal, control sequences included."""
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (24, 100))
    with subprocess.Popen(
        [*TIRTA, *arguments], stdin=slave, stdout=slave, stderr=slave,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
    ) as process:  # fmt: skip
        os.close(slave)
        shown = b""
        with contextlib.suppress(OSError):  # the end of a terminal is an error on Linux
            while data := os.read(master, 65536):
                shown += data
        assert process.wait(120) == 0, shown
    os.close(master)
    return shown.decode()


def test_tail_shows_a_record_once(folder: Path) -> None:
    (sample,) = tirta(folder, "tail", LOGGED, "--count", "1")
    assert sample["slot"] >= MINUTES - 2
    assert sample["skipped"] == 0
    assert [name for name, _, _ in sample["values"]][:2] == ["flow", "p_inlet"]
    assert all(flag in {1, 2, 3, 4, 9} for _, _, flag in sample["values"])
