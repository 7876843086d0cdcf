# SPDX-License-Identifier: MIT
"""The README's screen was pasted from a run; today's run must look the same."""

import os
import re
import sys
from pathlib import Path

import pytest
from nodes import Nodes
from screen import screens, shape

README = Path(__file__).resolve().parents[2] / "README.md"


def test_screen_is_what_the_commands_print(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    shown = screens(README.read_text())
    assert [screen.command.split()[1] for screen in shown][:2] == ["virtual", "ports"]
    for screen in shown:
        assert shape(screen.run(tmp_path)) == shape(screen.shown), screen.command


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", README.read_text())
    assert targets
    assert not [target for target in targets if not (README.parent / target).exists()]
