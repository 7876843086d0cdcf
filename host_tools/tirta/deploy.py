# SPDX-License-Identifier: MIT
"""Put the application on a board that runs MicroPython and has our partitions.

The new application goes into the slot that is not in force; once all its files read back right, one
write of the state partition makes it the one that starts. So whatever interrupts a deploy, the node
has the old application or the new, and running it again finishes it.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from tirta import regions, trial
from tirta.answers import Hello
from tirta.board_repl import BoardRepl
from tirta.boards import Board
from tirta.build import ARCHES, MANIFEST, build
from tirta.errors import TirtaError
from tirta.keys.office import KeyOf
from tirta.line import DEFAULT_BAUD
from tirta.node import Node
from tirta_format import state

Progress = Callable[[int, int], None]  # bytes written, bytes in all

MOUNT = "/slot"
BACK_S = 30
_BLOCK = 4096
_OTHER = {b"a": b"b", b"b": b"a"}
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
    # as tirta_node/hal/fine.py, and written block by block within its erase block
    def __init__(self, label): self.p = _part(label)
    def readblocks(self, n, buf, at=0): self.p.readblocks(n // 4, buf, n %% 4 * 1024 + at)
    def writeblocks(self, n, buf, at=None):
        for i in range(0, len(buf), 1024) if at is None else (): self.ioctl(6, n + i // 1024)
        self.p.writeblocks(n // 4, buf, n %% 4 * 1024 + (at or 0))
    def ioctl(self, op, n):
        if op == 6:
            block = bytearray(4096)
            self.p.readblocks(n // 4, block)
            at = n %% 4 * 1024
            if block[at:at + 1024] != b'\\xff' * 1024:
                block[at:at + 1024] = b'\\xff' * 1024
                self.p.writeblocks(n // 4, block)
        return self.p.ioctl(4, 0) * 4 if op == 4 else 1024 if op == 5 else 0
def _mounted(label):
    for at in ('/app', '%s'):
        try: vfs.umount(at)
        except OSError: pass
    try: vfs.mount(vfs.VfsLfs2(_Fine(label)), '%s')
    except OSError: return 0
    return 1
def _id():
    from machine import unique_id
    return unique_id().hex()
"""


@dataclass(frozen=True)
class Deployed:
    """What was done."""

    hello: Hello
    written_bytes: int
    readings: list[trial.Reading] = field(default_factory=list)  # of a new config's self-test


def deploy(  # noqa: PLR0913 - the options of one command
    port: str,
    board: Board,
    config: bytes | None = None,
    *,
    baud: int = DEFAULT_BAUD,
    source: Path | None = None,
    key_of: KeyOf | None = None,
    progress: Progress = lambda _done, _all: None,
) -> Deployed:
    """Bring application and config onto a board, start it, and wait for its hello.

    Without `config` the one that the node has stays in force; of a new one every sensor is read
    once. `source` is a firmware folder other than ours. With `key_of` the node is locked under the
    key that this makes of its id; without it the mode stays, open on a new node.
    """
    built = build(board, source)
    with BoardRepl(port, baud) as repl:
        _must_fit(repl, board, built.app)
        count = _Count(progress)
        fields = _State(repl, board)
        slot = fields.values.get(state.SLOT, b"")
        vfs = {f"/{path}": content for path, content in built.vfs.items()}
        app = {f"{MOUNT}/{path}": content for path, content in built.app.items()}
        stale = _stale(repl, vfs)
        if not (slot in _OTHER and _mounted(repl, slot) and not _stale(repl, app)):
            slot = _OTHER.get(slot, b"a")
            _mount(repl, slot)
            stale |= _stale(repl, app)
        count.total = sum(map(len, stale.values()))
        _write(repl, stale, count)
        wanted = {state.MODE: b"open", **fields.values, state.SLOT: slot}
        for tag in (state.TRIAL, state.PREVIOUS, state.OUTCOME):
            wanted.pop(tag, None)  # they speak of what was in the slots before
        tried = config is not None and config != fields.values.get(state.CONFIG)
        if config is not None and tried:
            wanted |= regions.config_fields(config, trial.TRIAL_S)
        if key_of:
            wanted |= {state.MODE: b"locked", state.KEY: key_of(str(repl.value("_id()")))}
        count.done += fields.write(wanted)
        repl.reset()
    hello = wait(port, baud)
    if not tried:
        return Deployed(hello, count.done)
    with Node(port, baud) as node:
        return Deployed(hello, count.done, trial.finish(node))


class _Count:
    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.done = 0
        self.total = 0

    def came(self, count: int) -> None:
        self.done += count
        self.progress(self.done, self.total)


def _must_fit(repl: BoardRepl, board: Board, app: dict[str, bytes]) -> None:
    repl.run(_FACTS % (MOUNT, MOUNT))
    version, mpy, machine, flash_size, parts = repl.value("_facts()")
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


def _mount(repl: BoardRepl, slot: bytes) -> None:
    """Have the slot's file system at MOUNT, made anew when there is none to mount."""
    if not _mounted(repl, slot):
        repl.run(
            f"vfs.VfsLfs2.mkfs(_Fine({_label(slot)!r}))\n"
            f"vfs.mount(vfs.VfsLfs2(_Fine({_label(slot)!r})), {MOUNT!r})"
        )


def _mounted(repl: BoardRepl, slot: bytes) -> bool:
    """Mount the slot at MOUNT, wherever it was before; False when it holds no file system."""
    return bool(repl.value(f"_mounted({_label(slot)!r})"))


def _label(slot: bytes) -> str:
    return f"app_{slot.decode()}"


def _stale(repl: BoardRepl, files: dict[str, bytes]) -> dict[str, bytes]:
    """The files that the board lacks or has otherwise."""
    on_board = repl.hashes(list(files))
    return {p: c for p, c in files.items() if on_board[p] != sha256(c).digest()}


def _write(repl: BoardRepl, files: dict[str, bytes], count: _Count) -> None:
    # A slot counts only with its manifest: it goes first when files change, and comes last.
    manifest = f"{MOUNT}/{MANIFEST}"
    if any(path.startswith(MOUNT) for path in files):
        repl.run(f"try: os.remove({manifest!r})\nexcept OSError: pass")
    for path in sorted(files, key=lambda p: (p == manifest, p)):
        repl.upload(path, files[path], count.came)
    if wrong := _stale(repl, files):
        raise TirtaError(
            f"{len(wrong)} files do not read back as written, {min(wrong)} first.",
            "Run the command again; if it stays, the board's flash is worn out.",
        )


class _State:
    """The state partition, read and written through the prompt (FORMAT.md section 7)."""

    def __init__(self, repl: BoardRepl, board: Board) -> None:
        self._repl = repl
        self._half = board.partition("state").size // _BLOCK // 2
        repl.run("_s = _part('state')")
        found: tuple[int, int, dict[int, bytes]] = state.newest(
            [self._head(i) for i in range(2)], lambda i: state.decode(self._read(i))
        )
        self._index, self._sequence, self.values = found

    def _read(self, index: int) -> bytes:
        """The copy's bytes, or as many as its head promises within what is plausible."""
        size = state.length(self._head(index), self._half * _BLOCK)
        return b"".join(
            self._block(index * self._half + at // _BLOCK, min(_BLOCK, size - at))
            for at in range(0, size, _BLOCK)
        )

    def _head(self, index: int) -> bytes:
        return self._block(index * self._half, state.HEADER_SIZE)

    def _block(self, number: int, size: int) -> bytes:
        self._repl.run(f"_b = bytearray({size})\n_s.readblocks({number}, _b, 0)")
        block: Any = self._repl.value("bytes(_b)")
        return bytes(block)

    def write(self, values: dict[int, bytes]) -> int:
        """Put the fields into force; return the bytes written, 0 when they were already."""
        if values == self.values:
            return 0
        copy = bytes(state.encode(self._sequence + 1, values))
        if len(copy) > self._half * _BLOCK:
            raise TirtaError(
                f"{len(copy)} bytes do not fit into partition state.",
                "Use a shorter config: fewer channels or shorter names.",
            )
        first = (1 - self._index if self._index >= 0 else 0) * self._half
        for at in range(0, len(copy), _BLOCK):
            block = copy[at : at + _BLOCK].ljust(_BLOCK, b"\xff")
            number = first + at // _BLOCK
            self._repl.run(f"_b = bytearray(b'\\xff' * {_BLOCK})")
            for piece in range(0, len(block.rstrip(b"\xff")), 1024):
                part = block[piece : piece + 1024]
                self._repl.run(f"_b[{piece}:{piece + len(part)}] = {part!r}")
            self._repl.run(f"_s.writeblocks({number}, _b)")
            self._repl.run(f"_s.readblocks({number}, _b)")
            if self._repl.value("_sha256(_b).digest()") != sha256(block).digest():
                raise TirtaError(
                    "The state partition does not keep what is written.", "Replace the board."
                )
        return len(copy)


def wait(port: str, baud: int) -> Hello:
    """The first hello of a node that was just started. Raises TirtaError when none comes."""
    until = time.monotonic() + BACK_S
    while True:
        try:
            with Node(port, baud) as node:
                return node.hello
        except TirtaError as error:  # no answer yet, or no port: native USB comes and goes
            time.sleep(0.2)
            if time.monotonic() > until:
                raise TirtaError(
                    f"The application is on the board, but it does not answer: {error.what}",
                    "Look what it says at start: `mpremote connect " + port + "`, then Ctrl-D.",
                ) from error
