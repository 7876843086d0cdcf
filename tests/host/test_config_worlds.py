# SPDX-License-Identifier: MIT
"""Configs drawn from seeds: one that passes runs for a day on the node, one that fails says why, in
which line, and what to do. (`make campaign` draws more of them.)
"""

import re
from pathlib import Path

import pytest
from config_worlds import text
from interpreters import BOTH, DEVICES, FIRMWARE, ON_NODE, run, unix_command

from tirta import config

BATCH = 300


def checked(seeds: range, tmp_path: Path) -> int:
    """Check the config of each seed, and run those that pass; how many these were."""
    path = tmp_path / "node.toml"
    passing = []
    for seed in seeds:
        path.write_text(text(seed))
        found = config.check(path)
        lines = path.read_text().count("\n")
        for problem in found.problems:
            where = re.match(r"node\.toml:(\d+): ", problem.where)
            assert where, (seed, problem)
            assert int(where[1]) <= lines, (seed, problem)
            assert problem.what, (seed, problem)
            assert problem.hint, (seed, problem)
        if not found.problems:
            assert found.text is not None
            passing.append(found.text)
    for at in range(0, len(passing), BATCH):
        run_all(passing[at : at + BATCH], tmp_path)
    return len(passing)


def run_all(configs: list[bytes], tmp_path: Path) -> None:
    """A day each on the node's code."""
    path = tmp_path / "configs"
    path.write_bytes(b"\n".join(configs) + b"\n")
    code = f"import any_config\nany_config.main({str(path)!r})"
    out = run(unix_command(code, [FIRMWARE, ON_NODE, BOTH, DEVICES]))
    assert out.endswith(f"ran {len(configs)}\n"), out[-2000:]


def test_what_passes_runs_and_what_fails_says_why(tmp_path: Path) -> None:
    assert checked(range(270), tmp_path) > 80


@pytest.mark.campaign
def test_thousands_more(tmp_path: Path) -> None:
    assert checked(range(1000, 7000), tmp_path) > 2000
