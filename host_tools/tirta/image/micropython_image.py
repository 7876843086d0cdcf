# SPDX-License-Identifier: MIT
"""The MicroPython image that a user names, checked and cut into what goes onto the flash.

MicroPython's own `.bin` for an ESP32 board is *combined*: boot loader, partition table and
application in one file that begins where the chip's ROM looks for the boot loader. Ours keeps the
first and the last, and puts our table between them. Image header and chip numbers: esptool's
documentation, "Firmware Image Format".
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from tirta.boards.model import Board, Partition
from tirta.errors import TirtaError
from tirta.image import partition_table
from tirta.image.partition_table import TABLE_OFFSET

BOOT_OFFSETS = {"esp32": 0x1000, "esp32s3": 0x0, "esp32c3": 0x0}
_CHIP_NUMBERS = {0: "esp32", 2: "esp32s2", 5: "esp32c3", 9: "esp32s3", 13: "esp32c6", 16: "esp32h2"}
_MAGIC = 0xE9
_CHIP_AT = 12
_ERASED = 0xFF
_AFTER_TABLE = TABLE_OFFSET + 0x1000
_WHERE = "MicroPython's download page has it: for this board the file {}-….bin."


@dataclass(frozen=True)
class MicropythonImage:
    """`boot` goes to `boot_offset`, `rest` to `rest_offset`; between them lies the table."""

    sha256: str
    version: str  # as the board file lists it; empty when it does not
    boot_offset: int
    boot: bytes
    rest_offset: int
    rest: bytes


def load(path: Path, board: Board, *, allow_unlisted: bool = False) -> MicropythonImage:
    """Read and check an image. Raises TirtaError when it is not one for this board."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TirtaError(
            f"Cannot read the image {path}: {error.strerror}.", "Check the path."
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    listed = {image.sha256: image.version for image in board.micropython.images}
    offset = BOOT_OFFSETS[board.chip]
    if offset and content[:offset].count(_ERASED) == offset:
        content = content[offset:]  # a copy of the flash from its first byte on
    _must_be_for(path, content, board)
    _must_fit(path, content, board)
    if digest not in listed and not allow_unlisted:
        known = ", ".join(listed.values()) or "none"
        raise TirtaError(
            f"The image {path} is not among those that were tried on {board.name} ({known}); its"
            f" SHA-256 is {digest}.",
            "Compare that with what you downloaded; if you trust the file, add --allow-unlisted.",
        )
    end = board.partition("factory").end - offset
    return MicropythonImage(
        sha256=digest,
        version=listed.get(digest, ""),
        boot_offset=offset,
        boot=content[: TABLE_OFFSET - offset],
        rest_offset=_AFTER_TABLE,
        rest=content[_AFTER_TABLE - offset : end],
    )


def _must_be_for(path: Path, content: bytes, board: Board) -> None:
    if len(content) < _AFTER_TABLE or content[0] != _MAGIC:
        raise _refused(path, "is not a MicroPython image for an ESP32", board)
    number = int.from_bytes(content[_CHIP_AT : _CHIP_AT + 2], "little")
    if _CHIP_NUMBERS.get(number) != board.chip:
        chip = _CHIP_NUMBERS.get(number, f"chip number {number}")
        raise _refused(path, f"is for {chip}, and {board.name} has an {board.chip}", board)


def _must_fit(path: Path, content: bytes, board: Board) -> None:
    """Its own table says where it runs from; ours must leave it that room at the same place."""
    offset = BOOT_OFFSETS[board.chip]
    at = TABLE_OFFSET - offset
    try:
        table = partition_table.parse(content[at : at + partition_table.TABLE_SIZE])
    except TirtaError as error:
        raise _refused(
            path, "has no partition table: it is the application alone", board
        ) from error
    ours = board.partition("factory")
    theirs = [p for p in table if p.type == "app"]
    if not theirs or theirs[0].offset != ours.offset:
        raise _refused(path, f"does not run from {ours.offset:#x} but {_places(theirs)}", board)
    end = len(content.rstrip(b"\xff")) + offset
    if end > ours.end:
        raise _refused(
            path,
            f"ends at {end:#x}, and the partition factory of {board.name} at {ours.end:#x}",
            board,
        )


def _places(partitions_of: list[Partition]) -> str:
    return ", ".join(f"{p.name} at {p.offset:#x}" for p in partitions_of) or "from nowhere"


def _refused(path: Path, why: str, board: Board) -> TirtaError:
    return TirtaError(f"The file {path} {why}.", _WHERE.format(board.micropython.firmware))
