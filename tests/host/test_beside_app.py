# SPDX-License-Identifier: MIT
"""The tests of both worlds beside the application as it is built for a node: with short names, and
numbers for constants. Here on 64 bits; tests/chip runs the same on the chip.
"""

from pathlib import Path

import pytest
from beside_app import FILES, compile_into
from interpreters import run, unix_command

from tirta.boards import board_file
from tirta.image.build import build


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Where the tests lie, and the application."""
    tests, app = tmp_path_factory.mktemp("tests"), tmp_path_factory.mktemp("app")
    compile_into(tests, "x64")
    for name, content in build(board_file.load("virtual")).app.items():
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_bytes(content)
    return [tests, app]


@pytest.mark.parametrize("name", FILES)
def test_file(name: str, folders: list[Path]) -> None:
    out = run(unix_command(f"import harness\nprint('failed:', harness.run({name!r}))", folders))
    print(out)
    assert "failed: 0" in out
    assert out.count("passed ") >= 3
