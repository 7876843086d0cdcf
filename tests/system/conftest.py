# SPDX-License-Identifier: MIT
"""Virtual nodes for the system tests: each test has a place of its own, and leaves no process
behind.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from nodes import Nodes

from tirta import virtual
from tirta.errors import TirtaError

pytest.importorskip("micropython_run", reason="unix MicroPython is not installed: tirta[virtual]")


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    monkeypatch.setenv("TIRTA_VIRTUAL_DIR", str(tmp_path / "virtual"))
    try:
        yield Nodes()
    finally:
        for node in virtual.list_nodes():
            try:
                virtual.down(node["name"])
            except TirtaError as error:
                pytest.fail(f"{node['name']} stays behind: {error}")
