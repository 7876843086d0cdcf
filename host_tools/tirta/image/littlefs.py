# SPDX-License-Identifier: MIT
"""LittleFS images as bytes.

The geometry is what the ESP32 port mounts: blocks of 4096 bytes, reads and programs of 32, disk
version 2.0 (a newer one would be readable only by newer MicroPython).
"""

from collections.abc import Mapping
from contextlib import suppress

from littlefs import LittleFS, LittleFSError, UserContext

from tirta.errors import TirtaError

BLOCK = 4096
SLOT_BLOCK = 512  # of an application slot: tirta_node/hal/flash.py
OLD_SLOT_BLOCK = 1024  # as version 0.1.0 made them
_READ_PROG = 32
_DISK_VERSION = 0x0002_0000
_ANY_VERSION = 0


def lfs_image(files: Mapping[str, bytes], size: int, block: int = BLOCK) -> bytes:
    """Make a LittleFS of `size` bytes that holds `files`; the same files give the same bytes."""
    fs = _file_system(UserContext(size), _DISK_VERSION, block)
    try:
        fs.format()
        fs.mount()
        for path in sorted(files):
            if parent := path.rpartition("/")[0]:
                fs.makedirs(parent, exist_ok=True)
            with fs.open(path, "wb") as file:
                file.write(files[path])
        fs.unmount()
    except LittleFSError as error:
        total = sum(map(len, files.values()))
        raise TirtaError(
            f"{len(files)} files ({total} bytes) do not fit into {size} of LittleFS: {error}.",
            "Give the partition more room in the board file, or the node less to hold.",
        ) from error
    return bytes(fs.context.buffer)


def lfs_files(image: bytes) -> dict[str, bytes]:
    """Read every file in a LittleFS image, by path without a leading slash; the image is not
    changed.
    """
    context = UserContext(len(image))
    context.buffer[:] = image
    try:
        fs = _mounted(context)
        return {
            f"{folder}/{name}".lstrip("/"): _content(fs, f"{folder}/{name}")
            for folder, _, names in fs.walk("/")
            for name in names
        }
    except LittleFSError as error:
        raise TirtaError(
            f"This LittleFS image cannot be read: {error}.",
            "It is damaged or was never formatted; flash the board again.",
        ) from error


def _mounted(context: UserContext) -> LittleFS:
    """Its blocks are those of a slot, or those that the port makes."""
    for block in (SLOT_BLOCK, OLD_SLOT_BLOCK):
        with suppress(LittleFSError):
            fs = _file_system(context, _ANY_VERSION, block)
            fs.mount()
            return fs
    fs = _file_system(context, _ANY_VERSION, BLOCK)
    fs.mount()
    return fs


def _file_system(context: UserContext, disk_version: int, block: int) -> LittleFS:
    return LittleFS(
        context,
        block_size=block,
        block_count=len(context.buffer) // block,
        read_size=_READ_PROG,
        prog_size=_READ_PROG,
        disk_version=disk_version,
        mount=False,
    )


def _content(fs: LittleFS, path: str) -> bytes:
    with fs.open(path, "rb") as file:
        return bytes(file.read())
