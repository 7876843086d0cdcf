# SPDX-License-Identifier: MIT
"""A board's raw REPL, through mpremote's own transport: run code there, upload files.

mpremote prints when something goes wrong; here that is caught and becomes one message. The
functions that run on the board are told once (`_HELPERS`), so that a piece of a file costs one
short call.
"""

import ast
import base64
import contextlib
import io
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport
from pydantic import TypeAdapter

from tirta.errors import TirtaError
from tirta.link import port_names
from tirta.link.closing import Closing
from tirta.link.serial_line import DEFAULT_BAUD, LOST, Line
from tirta.node import Node
from tirta.text import clean

# Raw bytes of a file in one piece: base64 makes 2 KB of source, which a full heap still compiles.
PIECE = 1536
_SILENCE_S = 0.1  # a node takes a Ctrl-C only after 50 ms without a byte
_READ_S = 3  # a read on the port waits this long; mpremote's own limits count in multiples of it
# What one piece of code may print and take. Whatever is at the prompt may be no board of ours, and
# mpremote itself has no end for what prints on and on.
_MOST_BYTES = 200_000
_MOST_S = 120.0
Literal = TypeVar("Literal")
BYTES = TypeAdapter(bytes)
_HASHES = TypeAdapter(list[bytes | None])

_HELPERS = """
import os
from binascii import a2b_base64 as _b64
from hashlib import sha256 as _sha256
def _make(path):
    at = path.find('/', 1)
    while at > 0:
        try: os.mkdir(path[:at])
        except OSError: pass
        at = path.find('/', at + 1)
    return open(path, 'wb')
def _hash(path):
    h = _sha256()
    b = bytearray(512)
    m = memoryview(b)
    try:
        with open(path, 'rb') as f:
            while 1:
                n = f.readinto(b)
                if not n: break
                h.update(m[:n])
    except OSError:
        return None
    return h.digest()
def _walk(folder, out):
    for entry in os.ilistdir(folder):
        path = folder + '/' + entry[0]
        if entry[1] & 0x4000: _walk(path, out)
        else: out.append(path)
    return out
"""


class _Silence:
    """No stdout while any thread talks to a board: each alone would give back another's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads = 0
        self._kept = sys.stdout

    def __enter__(self) -> None:
        with self._lock:
            if not self._threads:
                self._kept, sys.stdout = sys.stdout, io.StringIO()
            self._threads += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._threads -= 1
            if not self._threads:
                sys.stdout = self._kept


_silence = _Silence()


class BoardError(TirtaError):
    """Code that ran on the board ended in an exception; `traceback` is the board's."""

    def __init__(self, what: str, hint: str, traceback: str) -> None:
        super().__init__(what, hint)
        self.traceback = traceback


class _Bounded:
    """A serial port of which so much can be read; `begin` allows as much again."""

    def __init__(self, serial: Any) -> None:
        self._serial = serial
        self._left = 0
        self._until = 0.0
        self.begin()

    def begin(self) -> None:
        """Allow as much again."""
        self._left = _MOST_BYTES
        self._until = time.monotonic() + _MOST_S

    def read(self, size: int = 1) -> bytes:
        """Read as the port does. Raises TransportError beyond what is allowed."""
        found: bytes = self._serial.read(size)
        self._left -= len(found)
        if self._left < 0 or time.monotonic() > self._until:
            raise TransportError("it prints without an end")
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._serial, name)


class BoardRepl(Closing):
    """The raw REPL of the board on a port. What ran there was interrupted; it starts at a reset."""

    def __init__(self, port: str, baud: int = DEFAULT_BAUD) -> None:
        self.port = port
        Line(port, baud).close()  # says what is wrong with a port better than mpremote does
        time.sleep(_SILENCE_S)
        with self._quiet("open"):
            self._transport = SerialTransport(port_names.real(port), baud, timeout=_READ_S)
            self._transport.serial = self._read = _Bounded(self._transport.serial)
        try:
            with self._quiet("interrupt"):
                self._transport.enter_raw_repl(soft_reset=True)
            self.run(_HELPERS)
        except TirtaError as error:
            self.close()
            raise _if_locked(port, baud) or error from error.__cause__
        except BaseException:
            self.close()
            raise

    def run(self, code: str) -> bytes:
        """Run code on the board; return what it printed."""
        self._read.begin()
        with self._quiet("run code on"):
            out: bytes = self._transport.exec(code)
        return out

    def value(self, expression: str, kind: TypeAdapter[Literal]) -> Literal:
        """Evaluate an expression on the board, a literal of this type: whatever is at the
        prompt, nothing else is believed.
        """
        said = self.run(f"print(repr({expression}))").decode("utf-8", "replace").strip()
        try:
            return kind.validate_python(ast.literal_eval(said), strict=True)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
            raise self._failed(f"it printed {clean(said)!r}") from error

    def hashes(self, paths: list[str]) -> dict[str, bytes | None]:
        """Ask for the SHA-256 of files on the board; None where there is none."""
        found: dict[str, bytes | None] = {}
        for at in range(0, len(paths), 16):
            some = paths[at : at + 16]
            hashes = self.value(f"[_hash(p) for p in {some!r}]", _HASHES)
            if len(hashes) != len(some):
                raise self._failed(f"it told {len(hashes)} hashes of {len(some)}")
            found |= zip(some, hashes, strict=True)
        return found

    def upload(self, path: str, content: bytes, came: Callable[[int], None]) -> None:
        """Write a file, its folders included. `came` is told the bytes of each piece."""
        self.run(f"_w = _make({path!r})")
        for at in range(0, len(content), PIECE):
            piece = content[at : at + PIECE]
            self.run(f"_w.write(_b64({base64.b64encode(piece)!r}))")
            came(len(piece))
        self.run("_w.close()")

    def reset(self) -> None:
        """Reset the board. Nothing more can be asked here afterwards."""
        with self._quiet("reset"):
            self._transport.exec_raw_no_follow("import machine\nmachine.reset()")

    def close(self) -> None:
        """Let go of the port."""
        with contextlib.suppress(OSError):
            self._transport.close()

    @contextlib.contextmanager
    def _quiet(self, doing: str) -> Iterator[None]:
        try:
            with _silence:
                yield
        except TransportExecError as error:
            traceback = error.error_output
            last = clean(traceback.strip().splitlines()[-1] if traceback.strip() else "", 120)
            raise BoardError(
                f"The board on {self.port} reports an error: {last}.",
                "Run the command again; if it stays, flash the whole board.",
                traceback,
            ) from error
        except (TransportError, *LOST, ValueError, IndexError, struct.error) as error:
            raise self._failed(f"cannot {doing} it") from error

    def _failed(self, why: str) -> TirtaError:
        return TirtaError(
            f"The board on {self.port} does not behave like MicroPython's prompt: {why}.",
            "Check the cable and the port (`tirta ports`), press the board's reset button, then run"
            " the command again.",
        )


def _if_locked(port: str, baud: int) -> TirtaError | None:
    """What to say where no prompt comes because a locked node of somebody's is there."""
    try:
        with Node(port, baud) as node:
            hello = node.hello
    except TirtaError:
        return None
    if hello.mode != "locked":
        return None
    return TirtaError(
        f"Node {hello.node} on {port} is locked: nobody gets its prompt, and nothing was changed.",
        f"Open it first, with an administrator's key: `tirta unlock {port}`. Another firmware comes"
        f" without: `tirta update {port}`.",
    )
