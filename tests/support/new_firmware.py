# SPDX-License-Identifier: MIT
"""Our firmware as another version, good or bad, and nodes that have nearly all of it."""

import shutil
from pathlib import Path

import pytest
from node_configs import config

from tirta.boards import board_file
from tirta.files.paths import firmware_dir
from tirta.image import build, bundle
from tirta.image.bundle import Bundle
from tirta.image.littlefs import SLOT_BLOCK, lfs_image
from tirta.image.regions import flash_image
from tirta.keys.credential import node_key

CHIP = "240ac4e29526"


def firmware(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, name: str = "", code: str = ""
) -> Bundle:
    """Our firmware as another version, with lines added to one file."""
    folder = tmp_path / f"firmware-{version}"
    shutil.copytree(firmware_dir(), folder)
    if name:
        with (folder / name).open("a") as file:
            file.write("\n" + code)
    with monkeypatch.context() as patched:
        patched.setattr(build, "__version__", version)
        return bundle.make(board_file.load("virtual"), folder)


def almost_sent(
    new: Bundle,
    fleet: bytes | None,
    chip: str = CHIP,
    text: bytes | None = None,
    secrets: bytes = b"",
) -> bytes:
    """The flash of a node whose other slot holds all of a new application: only the trial is left.
    It saves the time to send it. `text` and `secrets` are its config, and that one's passwords.
    """
    board = board_file.load("virtual")
    key = node_key(fleet, chip) if fleet else None
    flash = bytearray(
        flash_image(board, config=text or config(), app=True, key=key, secrets=secrets)
    )
    other = board.partition("app_b")
    flash[other.offset : other.end] = lfs_image(new.app, other.size, SLOT_BLOCK)
    return bytes(flash)


def good_and_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: str, bad: str
) -> tuple[Bundle, Bundle]:
    """Two versions: one that proves itself, and one that fails when it starts."""
    return firmware(tmp_path, monkeypatch, good), firmware(
        tmp_path, monkeypatch, bad, "app.py", "raise RuntimeError()\n"
    )
