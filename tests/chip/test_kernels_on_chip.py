# SPDX-License-Identifier: MIT
"""The formats' tests, and the kernels beside their plain run, on the chip itself: Xtensa code,
31-bit integers, the heap of the genuine image. A file at a time, each behind a soft reset.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from beside_app import FILES, compile_into
from emulated import Chip, chip, flash_of, inlet

pytestmark = pytest.mark.quick
# What a prompt with the test's own modules beside it has no room for (DESIGN.md).
NO_ROOM = {"test_ring_and_packer_fit_their_ram", "test_viper_and_its_plain_run_write_the_same"}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chip]:
    """A node whose prompt is open, for an hour at most."""
    with chip(tmp_path_factory.mktemp("kernels"), flash_of(inlet(60, visit_s=3600))) as found:
        found.status()
        assert "42" in found.mpremote("exec", "print(6 * 7)")
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything compiled for the chip."""
    made = tmp_path_factory.mktemp("onboard")
    compile_into(made, "xtensawin")
    return made


def run(node: Chip, folder: Path, name: str) -> str:
    code = f"import start; start.main({name!r})"
    return node.mpremote("mount", folder, "exec", code)


@pytest.mark.parametrize("name", FILES)
def test_file(node: Chip, folder: Path, name: str) -> None:
    said = run(node, folder, name)
    print(said)
    failed = {line.split()[2] for line in said.splitlines() if line.startswith("FAILED ")}
    assert failed <= NO_ROOM
    assert said.count("passed ") >= 3
    assert f"harness: {len(failed)} " in said
