# SPDX-License-Identifier: MIT
"""A deploy over the REPL writes the state of a node that was locked, and forgets no guess and no
time floor. The snippets for the board run here, over a partition in memory.
"""

import importlib.util
import random
import struct
from hashlib import sha256
from typing import Any

import pytest
from interpreters import ON_NODE
from pydantic import TypeAdapter

from tirta.boards import board_file
from tirta.install.state_partition import BoardState
from tirta_format import entries, state

BLOCK = 4096


def reader() -> Any:
    """The reader of tests/micropython that shares no code with the product."""
    spec = importlib.util.spec_from_file_location("state_reader", ON_NODE / "state_reader.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Partition:
    """As esp32.Partition: a write without an offset erases first."""

    def __init__(self, image: bytearray) -> None:
        self.image = image

    def readblocks(self, block: int, buf: bytearray, offset: int = 0) -> None:
        buf[:] = self.image[block * BLOCK + offset :][: len(buf)]

    def writeblocks(self, block: int, buf: bytearray) -> None:
        self.image[block * BLOCK : block * BLOCK + len(buf)] = buf


class Repl:
    """Runs on this computer what the board would run."""

    def __init__(self, image: bytearray) -> None:
        self._names: dict[str, Any] = {
            "_part": lambda _name: Partition(image),
            "_sha256": sha256,
        }

    def run(self, code: str) -> None:
        exec(code, self._names)

    def value(self, code: str, kind: TypeAdapter[Any]) -> Any:
        return kind.validate_python(eval(code, self._names), strict=True)


def state_of(chance: random.Random, size: int) -> bytearray:
    """A partition with a copy, perhaps an older one, and entries behind it, some torn."""
    half = size // 2
    image = bytearray(b"\xff" * size)
    for sequence in range(1, chance.randrange(2, 4)):
        fields = {
            state.SLOT: b"a",
            state.FLOOR: struct.pack("<I", chance.getrandbits(30)),
            state.GUESSES: bytes((chance.randrange(5), 2)),
            99: bytes(chance.randrange(5000)),
        }
        copy = state.encode(sequence, fields)
        at = half * (sequence % 2)
        image[at : at + half] = copy.ljust(half, b"\xff")
        place = at + len(copy)
        for _ in range(min(chance.randrange(9), entries.room(len(copy), BLOCK))):
            entry = bytearray(entries.encode(chance.randrange(1, 5), chance.getrandbits(31)))
            if not chance.randrange(5):
                entry[chance.randrange(8)] &= chance.getrandbits(8)
            image[place : place + 8] = entry
            place += 8
    return image


@pytest.mark.parametrize("seed", range(40))
def test_a_deploy_forgets_nothing(seed: int) -> None:
    chance = random.Random(seed)
    board = board_file.load("virtual")
    image = state_of(chance, board.partition("state").size)
    judge = reader()
    before = judge.learned(image)
    found = BoardState(Repl(image), board)  # type: ignore[arg-type]
    assert found.write({**found.values, state.SLOT: b"b"})
    assert judge.learned(image) == before
    assert judge.in_force(image)[3][state.SLOT] == b"b"
