# SPDX-License-Identifier: MIT
"""The state partition of a board, read and written through its prompt (FORMAT.md section 7)."""

from hashlib import sha256

from tirta.boards.model import Board
from tirta.errors import TirtaError
from tirta.install.raw_repl import BYTES, BoardRepl
from tirta_format import entries, state

_BLOCK = 4096


class BoardState:
    """`values` are the fields in force, by tag, with what the entries behind them come to."""

    def __init__(self, repl: BoardRepl, board: Board) -> None:
        self._repl = repl
        self._half = board.partition("state").size // _BLOCK // 2
        repl.run("_s = _part('state')")
        found: tuple[int, int, dict[int, bytes]] = state.newest(
            [self._head(i) for i in range(2)], lambda i: state.decode(self._read(i))
        )
        self._index, self._sequence, self.values = found
        if self._index >= 0:
            learned = entries.Sum(self.values)
            learned.read(self._entries())
            learned.put_into(self.values)

    def _entries(self) -> list[bytes]:
        """What lies in each place for an entry behind the copy in force."""
        size = state.length(self._head(self._index), self._half * _BLOCK)
        last = self._block(self._index * self._half + (size - 1) // _BLOCK, _BLOCK)
        end = (size - 1) % _BLOCK + 1
        count = entries.room(size, _BLOCK)
        return [last[end + i * entries.SIZE :][: entries.SIZE] for i in range(count)]

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
        return self._repl.value("bytes(_b)", BYTES)

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
            if self._repl.value("_sha256(_b).digest()", BYTES) != sha256(block).digest():
                raise TirtaError(
                    "The state partition does not keep what is written.", "Replace the board."
                )
        return len(copy)
