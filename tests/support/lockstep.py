# SPDX-License-Identifier: MIT
"""A line to a node that shares its time with the laptop: what both wait for takes no time.

The node is the firmware under MicroPython (tests/micropython/link_node.py) behind two pipes; the
laptop is the product above `Line`. Inside `shared_time` its modules see the node's clock: a wait is
an order to the node to go on, so a transfer takes what it computes, and the same seed gives the
same bytes at the same times on any computer.
"""

import contextlib
import math
import struct
import subprocess
from collections.abc import Iterator
from typing import Self

import pytest
from interpreters import FIRMWARE, ON_NODE, unix_command

from tirta.keys import memory
from tirta.link.serial_line import NO_UART, Line

# Of tests/micropython/link_node.py.
NODE = "02fb6be3ee96"
KEY = bytes(range(32))
COLUMNS = ("flow", "p_0", "p_1", "p_2")
BEGAN_UNIX_S = 1_790_000_000  # the first boot; its records come once a second
_HEAD = struct.Struct("<cII")
_ANSWER = struct.Struct("<II")
_RATE = 92_160  # bytes a second that the clock counts for what passes: 921,600 baud
_MODULES = (
    "tirta.link.conversation.time",
    "tirta.link.frames.time",
    "tirta.node.requests.time",
    "tirta.pull.pull.time",
    "tirta.link.baud.time",
    "tirta.link.page_reader.time",
    "tirta.patience.time",
    "tirta.link.repl.time",
    "tirta.node.tail.time",
)


class Lockstep:
    """The node, and the clock of both: `now`."""

    def __init__(self, records: int) -> None:
        code = f"import link_node\nlink_node.main({records})"
        command = unix_command(code, [ON_NODE, FIRMWARE], heap="32m")
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.now = 1000.0
        self.heard = bytearray()  # said by the node, and not read
        self.restart(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def restart(self, seed: int, *, locked: bool = False) -> None:
        """The node begins anew: with the log that it wrote first, open or locked, as the laptop
        knows.
        """
        memory.remember(NODE, memory.LOCKED if locked else memory.OPEN, "test")
        self._ask(b"R", int(locked), seed)
        self.heard.clear()

    def image(self) -> bytes:
        """Its log partition."""
        return self._ask(b"I", 0, 0)[1]

    def turn(self, seconds: float, data: bytes = b"") -> None:
        """Give `data` to the node, and let so much time pass at most until it says something."""
        passed_ms, said = self._ask(b"T", math.ceil(seconds * 1000), len(data), data)
        self.now += max(passed_ms / 1000, (len(data) + len(said)) / _RATE)
        self.heard += said

    def _ask(self, letter: bytes, first: int, second: int, data: bytes = b"") -> tuple[int, bytes]:
        pipe, answer = self._process.stdin, self._process.stdout
        assert pipe is not None
        assert answer is not None
        pipe.write(_HEAD.pack(letter, first, second) + data)
        pipe.flush()
        head = answer.read(_ANSWER.size)
        assert len(head) == _ANSWER.size, f"the node ended: {head!r}"
        passed_ms, size = _ANSWER.unpack(head)
        said = answer.read(size)
        assert len(said) == size
        return passed_ms, said

    # What the product's modules take for the module `time`.

    def monotonic(self) -> float:
        return self.now

    def time_ns(self) -> int:
        return 1_800_000_000_000_000_000 + int(self.now * 1e9)

    def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        while (left_s := until - self.now) > 0.0005:
            self.turn(left_s)


class SharedLine(Line):
    """A `Line` to the node in lockstep; the port is its name only."""

    node: Lockstep  # set by `shared_time`

    def __init__(self, port: str, baud: int = NO_UART) -> None:
        self.port = port
        self.baud = baud
        self.bytes_in = self.bytes_out = 0

    def write(self, data: bytes) -> None:
        self.node.turn(0, data)
        self.bytes_out += len(data)

    def read(self, timeout_s: float) -> bytes:
        if not self.node.heard:
            self.node.turn(timeout_s)
        data = bytes(self.node.heard)
        self.node.heard.clear()
        self.bytes_in += len(data)
        return data

    def drain(self) -> None:
        self.node.heard.clear()

    def set_baud(self, baud: int) -> None:
        self.baud = baud

    def close(self) -> None:
        self.node.heard.clear()

    def reopen(self) -> None:
        self.close()


@contextlib.contextmanager
def shared_time(node: Lockstep) -> Iterator[None]:
    """In here every `Node` of the product is this one, and its clock is the only one."""
    with pytest.MonkeyPatch.context() as patch:
        for module in _MODULES:
            patch.setattr(module, node)
        patch.setattr(SharedLine, "node", node, raising=False)
        patch.setattr("tirta.node.requests.Line", SharedLine)
        yield
