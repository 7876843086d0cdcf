# SPDX-License-Identifier: MIT
"""What a node is made of: its board, its flash and its scenario, in a folder."""

import shutil
from pathlib import Path

from tirta.boards.board_file import load
from tirta.boards.model import Board
from tirta.errors import TirtaError
from tirta.image.regions import flash_image
from tirta.keys.credential import node_key
from tirta.virtual.scenario import prepare

__all__ = ["flash_image", "furnish", "load", "node_key"]


def furnish(folder: Path, board: Board, scenario: Path | str | None, image: bytes) -> None:
    """Write them into the folder in place of all that lies there."""
    prepared = prepare(Path(scenario), board) if scenario else None
    if len(image) != board.flash.size:
        raise TirtaError(
            f"The flash image has {len(image)} bytes, board {board.name} has {board.flash.size}."
        )
    for stale in folder.iterdir():
        if stale.name != "lock":
            shutil.rmtree(stale) if stale.is_dir() else stale.unlink()
    (folder / "flash.bin").write_bytes(image)
    if prepared is not None:
        (folder / "scenario.bin").write_bytes(prepared)
