# SPDX-License-Identifier: MIT
"""Flash contents as bytes: LittleFS images, and the whole flash of a virtual node.

The geometry is what the ESP32 port mounts: blocks of 4096 bytes, reads and programs of 32, disk
version 2.0 (a newer one would be readable only by newer MicroPython).
"""

from collections.abc import Mapping

from littlefs import LittleFS, LittleFSError, UserContext

from tirta.boards import Board
from tirta.build import build
from tirta.errors import TirtaError
from tirta.partitions import TABLE_OFFSET, table
from tirta_format import state

BLOCK = 4096
_READ_PROG = 32
_DISK_VERSION = 0x0002_0000
_ANY_VERSION = 0


def lfs_image(files: Mapping[str, bytes], size: int) -> bytes:
    """A LittleFS of `size` bytes that holds `files`; the same files give the same bytes."""
    fs = _file_system(UserContext(size), _DISK_VERSION)
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
    """Every file in a LittleFS image, by path without a leading slash; the image is not changed."""
    context = UserContext(len(image))
    context.buffer[:] = image
    fs = _file_system(context, _ANY_VERSION)
    try:
        fs.mount()
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


def flash_image(board: Board, *, config: bytes | None, app: bool) -> bytes:
    """The whole flash of a virtual node: bare MicroPython, or with `app` the application in slot A.

    `config` is the text of the configuration (FORMAT.md section 8); without one the state partition
    stays erased, as on a node that was never configured.
    """
    flash = bytearray(b"\xff" * board.flash.size)

    def place(name: str, content: bytes, room: int) -> None:
        partition = board.partition(name)
        if len(content) > room:
            raise TirtaError(f"{len(content)} bytes do not fit into partition {name}.")
        flash[partition.offset : partition.offset + len(content)] = content

    flash[TABLE_OFFSET : TABLE_OFFSET + len(table(board))] = table(board)
    if app:
        built = build(board)
        for name, files in (("vfs", built.vfs), ("app_a", built.app)):
            size = board.partition(name).size
            place(name, lfs_image(files, size), size)
    if config is not None:
        fields = {state.SLOT: b"a", state.MODE: b"open", state.CONFIG: config}
        place("state", state.encode(1, fields), board.partition("state").size // 2)
    return bytes(flash)


def _file_system(context: UserContext, disk_version: int) -> LittleFS:
    return LittleFS(
        context,
        block_size=BLOCK,
        block_count=len(context.buffer) // BLOCK,
        read_size=_READ_PROG,
        prog_size=_READ_PROG,
        disk_version=disk_version,
        mount=False,
    )


def _content(fs: LittleFS, path: str) -> bytes:
    with fs.open(path, "rb") as file:
        return bytes(file.read())
