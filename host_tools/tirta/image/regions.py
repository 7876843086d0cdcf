# SPDX-License-Identifier: MIT
"""What lies where on a node's flash: the *regions* that a bare board needs.

`tirta flash` writes them through the chip's ROM loader, the virtual board gets them as a file: the
same bytes.
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tirta.boards.model import Board
from tirta.errors import TirtaError
from tirta.image.build import Build, build
from tirta.image.littlefs import BLOCK, SLOT_BLOCK, lfs_image
from tirta.image.micropython_image import MicropythonImage
from tirta.image.partition_table import TABLE_OFFSET, table
from tirta_format import staging, state


@dataclass(frozen=True)
class Region:
    """Bytes for one place on the flash, and what they are in words."""

    name: str
    offset: int
    content: bytes
    what: str

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.offset + len(self.content)

    def as_json(self) -> dict[str, Any]:
        """Return its place and the SHA-256 of its content."""
        return {
            "name": self.name,
            "offset": self.offset,
            "size": len(self.content),
            "sha256": hashlib.sha256(self.content).hexdigest(),
            "what": self.what,
        }


def micropython(image: MicropythonImage) -> tuple[list[Region], list[Region]]:
    """Split the user's MicroPython: what lies before the table, and what behind it."""
    named = f"MicroPython {image.version}".strip()
    return (
        [Region("boot", image.boot_offset, image.boot, f"{named}, boot loader")],
        [Region("factory", image.rest_offset, image.rest, f"{named}, erased nvs before it")],
    )


def partition_table(board: Board) -> Region:
    """Make the region of the partition table."""
    count = len(board.flash.partitions)
    return Region("table", TABLE_OFFSET, table(board), f"partition table, {count} entries")


def application(board: Board, built: Build) -> list[Region]:
    """Build what boots, and the application in slot A."""
    found = []
    for name, files, block, what in (
        ("vfs", built.vfs, BLOCK, "what boots"),
        ("app_a", built.app, SLOT_BLOCK, "the application"),
    ):
        partition = board.partition(name)
        content = lfs_image(files, partition.size, block)
        found.append(Region(name, partition.offset, content, f"{what}, {len(files)} files"))
    return found


def state_region(board: Board, fields: Mapping[int, bytes]) -> Region:
    """Make the whole partition: one copy (FORMAT.md section 7), the other one erased."""
    partition = board.partition("state")
    copy: bytes = state.encode(1, fields)
    if len(copy) > partition.size // 2:
        raise TirtaError(
            f"{len(copy)} bytes do not fit into partition state.",
            "Use a shorter config: fewer channels or shorter names.",
        )
    what = "slot A, config" if fields.get(state.CONFIG) else "slot A, no config yet"
    what += ", locked" if fields.get(state.KEY) else ", open"
    return Region("state", partition.offset, copy.ljust(partition.size, b"\xff"), what)


def fields_of(
    config: bytes | None,
    key: bytes | None = None,
    *,
    trial_s: int = 0,
    identity: Mapping[str, Any] | None = None,
    secrets: bytes = b"",
) -> dict[int, bytes]:
    """Return the fields of `state` of a node that was just made: locked when it gets a node key.

    With `trial_s` its first boot tries the config that it has, which reads every sensor once.
    """
    fields = {state.SLOT: b"a", state.MODE: b"locked" if key else b"open"}
    if key:
        fields[state.KEY] = key
    if config is not None:
        fields |= config_fields(config, trial_s)
    if identity:
        text = json.dumps(dict(identity), separators=(",", ":"), ensure_ascii=False)
        fields[staging.IDENTITY] = text.encode()
    if secrets:
        fields[staging.SECRETS] = secrets
    return fields


def config_fields(config: bytes, trial_s: int) -> dict[int, bytes]:
    """Return a config in force; with `trial_s` the next boot tries it first."""
    fields = {state.CONFIG: config}
    if trial_s:
        fields[staging.STAGED] = struct.pack(staging.HEAD, 0, trial_s) + config
    return fields


def flash_image(
    board: Board,
    *,
    config: bytes | None,
    app: bool,
    key: bytes | None = None,
    secrets: bytes = b"",
) -> bytes:
    """Make the whole flash of a virtual node: bare MicroPython, or with `app` the application in
    slot A.

    `config` is the text of the configuration (FORMAT.md section 8); without one the state partition
    stays erased, as on a node that was never configured. With a node key it is locked.
    """
    found = [partition_table(board)]
    if app:
        found += application(board, build(board))
    if config is not None:
        found.append(state_region(board, fields_of(config, key, secrets=secrets)))
    flash = bytearray(b"\xff" * board.flash.size)
    for region in found:
        flash[region.offset : region.end] = region.content
    return bytes(flash)
