# SPDX-License-Identifier: MIT
"""A foreign processor for machine code of the node: QEMU's user mode for Xtensa with register
windows (its core dc233c) and for RISC-V 32.

In it runs a loop of some thirty instructions that reads commands from a pipe: put bytes, get
bytes, call, return. What the code calls in MicroPython's runtime comes back through the pipe, and
Python answers. QEMU is Debian's; without it in the PATH it is fetched from there into `build/qemu`.
"""

import shutil
import struct
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import pytest
from guests import ELF_MACHINES, MESSAGE, code
from support import CHECKOUT

BASE = 0x2000_0000  # addresses are small integers on the chip too
SIZE = 0x10_0000
_MAILBOX = BASE + 0x40
_CODE = BASE + 0x80
_FREE = BASE + 0x4000
_PUT, _GET, _CALL, _RETURN = range(4)
_READY, _DONE = 255, 254
_PIPE = 4000  # bytes that a pipe passes at once
_PLACE = CHECKOUT / "build" / "qemu"
_PACKAGE = "qemu-user-static"
_NAMES = {"xtensawin": "qemu-xtensa", "rv32imc": "qemu-riscv32"}
Runtime = Callable[[int, Sequence[int]], int]


def _emulator(arch: str) -> list[str]:
    name = _NAMES[arch]
    for found in (shutil.which(name), shutil.which(name + "-static")):
        if found:
            return [found]
    path = _PLACE / "usr" / "bin" / f"{name}-static"
    if not path.exists():
        _fetch()
    return [str(path)]


def _fetch() -> None:
    apt = shutil.which("apt-get")
    if not apt or not shutil.which("dpkg-deb"):
        pytest.skip(f"no emulator: install {_PACKAGE}")
    _PLACE.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [apt, "download", "--quiet", _PACKAGE], cwd=_PLACE, capture_output=True, timeout=120,
        check=False,
    )  # fmt: skip
    packages = list(_PLACE.glob("*.deb"))
    if done.returncode or not packages:
        pytest.skip(f"no emulator: `apt-get download {_PACKAGE}` did not work")
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(packages[0])], stdout=subprocess.PIPE
    ) as unpack:
        wanted = [f"./usr/bin/{name}-static" for name in _NAMES.values()]
        subprocess.run(
            ["tar", "-x", "-C", str(_PLACE), *wanted], stdin=unpack.stdout, check=True, timeout=120
        )
    packages[0].unlink()


class Processor:
    """`runtime(index, arguments)` answers calls of MicroPython's `mp_fun_table[index]`."""

    def __init__(self, arch: str, folder: Path, runtime: Runtime) -> None:
        program, self.fun_table = code(arch, _CODE, _MAILBOX)
        path = folder / f"{arch}.elf"
        path.write_bytes(_elf(arch, program))
        path.chmod(0o755)
        self._runtime = runtime
        self._free = _FREE
        self._process = subprocess.Popen(
            [*_emulator(arch), str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._event()[0] == _READY

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def place(self, content: bytes) -> int:
        """The address of a copy of `content`, at a multiple of 16."""
        at = self._free
        self._free += (len(content) + 31) & ~15
        assert self._free < BASE + SIZE // 2
        self.put(at, content)
        return at

    def put(self, at: int, content: bytes) -> None:
        for i in range(0, len(content), _PIPE):
            part = content[i : i + _PIPE]
            self._tell(_PUT, at + i, len(part), extra=part)

    def get(self, at: int, count: int) -> bytes:
        found = b""
        while len(found) < count:
            part = min(_PIPE, count - len(found))
            self._tell(_GET, at + len(found), part)
            found += self._read(part)
        return found

    def call(self, function: int, *args: int) -> int:
        """What a C function with at most four words returns."""
        self._tell(_CALL, function, *args)
        while True:
            kind, *words = self._event()
            if kind == _DONE:
                return words[0]
            self._tell(_RETURN, self._runtime(kind, words) & 0xFFFF_FFFF)

    def _tell(self, *words: int, extra: bytes = b"") -> None:
        assert self._process.stdin
        self._process.stdin.write(struct.pack("<6I", *words, *[0] * (6 - len(words))) + extra)
        self._process.stdin.flush()

    def _event(self) -> tuple[int, ...]:
        return struct.unpack(f"<{MESSAGE}I", self._read(4 * MESSAGE))

    def _read(self, count: int) -> bytes:
        assert self._process.stdout
        found = self._process.stdout.read(count)
        if len(found) < count:
            raise AssertionError(f"the code ended the processor: {self._process.wait()}")
        return found


def _elf(arch: str, program: bytes) -> bytes:
    """An executable of one segment in which everything may be done."""
    head = b"\x7fELF\x01\x01\x01" + bytes(9)
    head += struct.pack(
        "<HHIIIIIHHHHHH", 2, ELF_MACHINES[arch], 1, _CODE, 52, 0, 0, 52, 32, 1, 40, 0, 0
    )
    content = bytes(_CODE - BASE) + program
    segment = struct.pack("<8I", 1, 0x1000, BASE, BASE, len(content), SIZE, 7, 0x1000)
    return (head + segment).ljust(0x1000, b"\0") + content
