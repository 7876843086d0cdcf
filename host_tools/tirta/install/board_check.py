# SPDX-License-Identifier: MIT
"""What a board with MicroPython is, and its slots, through code that runs at its prompt."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, TypeAdapter

from tirta.boards.model import Board
from tirta.errors import TirtaError
from tirta.image.build import ARCHES
from tirta.image.littlefs import SLOT_BLOCK
from tirta.install.raw_repl import BoardRepl
from tirta.text import clean

MOUNT = "/slot"
NUMBER: TypeAdapter[str] = TypeAdapter(Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")])
_Printable = Annotated[str, AfterValidator(clean)]
_Part = tuple[int, int, int, int, str]  # type, subtype, address, size, label
_INT = TypeAdapter(int)
_TOLD: TypeAdapter[tuple[tuple[int | str, ...], int, str, int, list[_Part]]] = TypeAdapter(
    tuple[tuple[int | _Printable, ...], int, _Printable, int, list[_Part]]
)
_FACTS = """
import sys, os, vfs
from esp32 import Partition
def _part(label):
    found = Partition.find(Partition.TYPE_DATA, label=label)
    return found[0] if found else None
def _facts():
    try:
        import esp
        size = esp.flash_size()
    except (ImportError, AttributeError):
        size = 0
    parts = [p.info()[:5] for p in Partition.find(Partition.TYPE_DATA)]
    mpy = getattr(sys.implementation, '_mpy', 0)
    return (sys.implementation[1], mpy, os.uname()[4], size, parts)
class _Fine:
    # as tirta_node/hal/flash.py, and written block by block within its erase block
    def __init__(self, label, size=0):
        self.p = _part(label)
        head = bytearray(4)
        self.p.readblocks(0, head, 24)
        self.size = size or (1024 if head[1] == 4 else 512)
        self.each = 4096 // self.size
    def readblocks(self, n, buf, at=0):
        self.p.readblocks(n // self.each, buf, n %% self.each * self.size + at)
    def writeblocks(self, n, buf, at=None):
        for i in range(0, len(buf), self.size) if at is None else ():
            self.ioctl(6, n + i // self.size)
        self.p.writeblocks(n // self.each, buf, n %% self.each * self.size + (at or 0))
    def ioctl(self, op, n):
        if op == 6:
            block = bytearray(4096)
            self.p.readblocks(n // self.each, block)
            at = n %% self.each * self.size
            if block[at:at + self.size] != b'\\xff' * self.size:
                block[at:at + self.size] = b'\\xff' * self.size
                self.p.writeblocks(n // self.each, block)
        return self.p.ioctl(4, 0) * self.each if op == 4 else self.size if op == 5 else 0
def _free():
    for at in ('/app', '%s'):
        try: vfs.umount(at)
        except OSError: pass
def _mounted(label):
    _free()
    # a time of change in each file's entry would take 34 of a slot's 608 blocks
    try: vfs.mount(vfs.VfsLfs2(_Fine(label), mtime=False), '%s')
    except OSError: return 0
    return 1
def _id():
    from machine import unique_id
    return unique_id().hex()
"""


def must_fit(repl: BoardRepl, board: Board, app: dict[str, bytes]) -> None:
    """Raise TirtaError unless chip, MicroPython, flash and partitions are as the application wants.

    Tells the board the functions that the others here call.
    """
    repl.run(_FACTS % (MOUNT, MOUNT))
    version, mpy, machine, flash_size, parts = repl.value("_facts()", _TOLD)
    chip = re.search(r"with (ESP32\w*)", machine)
    if chip is None or chip[1].lower() != board.chip:
        raise _other_board(board, f"the board on {repl.port} is a {machine}")
    compiled = next(content for path, content in app.items() if path.endswith(".mpy"))
    arch = ARCHES.get(mpy >> 10 & 15, "another")
    if mpy & 0xFF != compiled[1] or arch != board.mpy_arch:
        raise _other_board(board, f"the board runs {arch} code of .mpy version {mpy & 0xFF}")
    least = tuple(int(n) for n in board.micropython.min_version.split("."))
    if tuple(version[: len(least)]) < least:
        raise TirtaError(
            f"The board runs MicroPython {'.'.join(map(str, version[:3]))}.",
            f"Flash version {board.micropython.min_version} or newer first.",
        )
    if 0 < flash_size < board.flash.size:
        raise _other_board(board, f"its flash has only {flash_size} bytes")
    have = {label: (subtype, size) for _, subtype, _, size, label in parts}
    for name in ("vfs", "app_a", "app_b", "state", "log"):
        partition = board.partition(name)
        if have.get(name) != (partition.subtype, partition.size):
            raise TirtaError(
                f"The board on {repl.port} has no partition {name} as {board.name} wants it.",
                "It needs our partition table: flash the whole board once, with MicroPython.",
            )


def _other_board(board: Board, found: str) -> TirtaError:
    return TirtaError(
        f"This is not the board {board.name}: {found}.",
        "Name the board that it is with --board; boards/ has a file for each.",
    )


def mount(repl: BoardRepl, slot: bytes, *, anew: bool = False) -> None:
    """Have the slot's file system at MOUNT: made `anew`, or where there is none to mount."""
    if anew or not mounted(repl, slot):
        repl.run(
            f"_free()\n"
            f"vfs.VfsLfs2.mkfs(_Fine({_label(slot)!r}, {SLOT_BLOCK}))\n"
            f"vfs.mount(vfs.VfsLfs2(_Fine({_label(slot)!r}), mtime=False), {MOUNT!r})"
        )


def mounted(repl: BoardRepl, slot: bytes) -> bool:
    """Mount the slot at MOUNT, wherever it was before; False when it holds no file system."""
    return bool(repl.value(f"_mounted({_label(slot)!r})", _INT))


def _label(slot: bytes) -> str:
    return f"app_{slot.decode()}"
