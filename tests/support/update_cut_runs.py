# SPDX-License-Identifier: MIT
"""Cuts of an update, one seed at a time (tests/micropython/update_cuts.py)."""

import json
import random
from pathlib import Path

from interpreters import FIRMWARE, ON_NODE, run, unix_command

from tirta.image.littlefs import SLOT_BLOCK, lfs_image

SLOT_BYTES = 6 * 4096


def images(folder: Path, seed: int, block: int) -> list[Path]:
    """Two applications that differ in most of their blocks."""
    chance = random.Random(seed)
    paths = []
    for version in ("0.1.0", "0.2.0"):
        manifest = {"board": "virtual", "version": version}
        files = {
            "app.mpy": chance.randbytes(5000),
            "manifest.json": json.dumps(manifest, separators=(",", ":")).encode(),
            "tirta_node/keeper.mpy": chance.randbytes(3000),
        }
        path = folder / f"{version}.bin"
        path.write_bytes(lfs_image(files, SLOT_BYTES, block))
        paths.append(path)
    return paths


def cut(folder: Path, seed: int, stride: int, block: int = SLOT_BLOCK) -> dict[str, int]:
    """Run the campaign of one seed; its failure is the caller's."""
    old, new = images(folder, seed, block)
    code = f"import update_cuts\nupdate_cuts.main({str(old)!r}, {str(new)!r}, {stride}, {seed})"
    command = unix_command(code, [ON_NODE, FIRMWARE, FIRMWARE / "frozen"], heap="32m")
    counts: dict[str, int] = json.loads(run(command))
    return counts
