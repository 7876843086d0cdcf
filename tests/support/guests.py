# SPDX-License-Identifier: MIT
"""The loop that runs in a foreign processor (foreign.py), assembled here by instruction.

For each entry of `mp_fun_table` there is a stub that tells its number and its first four arguments
through the mailbox, and then serves commands until one says what to return.
"""

import struct
from collections.abc import Callable

ELF_MACHINES = {"xtensawin": 94, "rv32imc": 243}
MESSAGE = 5  # words: which entry, and four arguments; or 254 and the result
ENTRIES = 50  # functions of mp_fun_table, those with numbers
_READY, _DONE = 255, 254


class _Code:
    """Instructions as they come; a jump to a label is filled in at the end."""

    def __init__(self, at: int) -> None:
        self.start = at
        self.content = bytearray()
        self.labels: dict[str, int] = {}
        self.jumps: list[tuple[int, str, Callable[[int], bytes]]] = []

    @property
    def at(self) -> int:
        return self.start + len(self.content)

    def put(self, word: int, size: int) -> None:
        self.content += word.to_bytes(size, "little")

    def jump(self, label: str, encode: Callable[[int], bytes]) -> None:
        """`encode` gets how far it is from this instruction to the label."""
        self.jumps.append((len(self.content), label, encode))
        self.content += encode(0)

    def label(self, name: str) -> None:
        self.labels[name] = self.at

    def done(self) -> bytes:
        for i, label, encode in self.jumps:
            made = encode(self.labels[label] - self.start - i)
            self.content[i : i + len(made)] = made
        return bytes(self.content)


def code(arch: str, at: int, mailbox: int) -> tuple[bytes, list[int]]:
    """The program for address `at`, and the addresses of the stubs."""
    made = _Code(at)
    build = {"xtensawin": _xtensa, "rv32imc": _riscv}[arch]
    build(made, mailbox)
    return made.done(), [made.labels[f"stub {i}"] for i in range(ENTRIES)]


def _xtensa(c: _Code, mailbox: int) -> None:  # noqa: PLR0915 - a program, line by line
    """Registers a0 to a7 outlive a call by callx8; the kernel of Linux is asked with its number in
    a2 and arguments in a6, a3 and a4.
    """

    def rri8(op: int, t: int, s: int, imm: int) -> None:
        c.put(op | imm << 16 | s << 8 | t << 4, 3)

    def load(t: int, s: int, offset: int) -> None:
        rri8(0x2002, t, s, offset // 4)

    def store(t: int, s: int, offset: int) -> None:
        rri8(0x6002, t, s, offset // 4)

    def set_to(t: int, value: int) -> None:
        c.put(0xA002 | (value & 255) << 16 | (value >> 8) << 8 | t << 4, 3)

    def move(r: int, s: int) -> None:
        c.put(0x200000 | r << 12 | s << 8 | s << 4, 3)

    def jump(label: str) -> None:
        c.jump(label, lambda far: (6 | (far - 4 & 0x3FFFF) << 6).to_bytes(3, "little"))

    def if_zero(s: int, label: str) -> None:
        c.jump(label, lambda far: (0x16 | s << 8 | (far - 4 & 0xFFF) << 12).to_bytes(3, "little"))

    def system(number: int, handle: int) -> None:
        set_to(2, number)
        set_to(6, handle)
        c.put(0x5000, 3)

    jump("begin")
    c.content += bytes(-len(c.content) % 4)
    literal = c.at
    c.put(mailbox, 4)
    for i in range(ENTRIES):
        c.content += bytes(-len(c.content) % 4)
        c.label(f"stub {i}")
        c.put(0x006136, 3)  # entry a1, 48
        set_to(8, i)
        jump("common")
    c.label("begin")
    set_to(8, _READY)
    c.label("common")
    far = (literal - (c.at + 3 & ~3)) // 4
    c.put(0x01 | 7 << 4 | (far & 0xFFFF) << 8, 3)  # l32r a7
    for i, register in enumerate((8, 2, 3, 4, 5)):
        store(register, 7, 4 * i)
    c.label("send")
    move(3, 7)
    set_to(4, 4 * MESSAGE)
    system(13, 1)  # write
    c.label("next")
    move(3, 7)
    set_to(4, 24)
    system(12, 0)  # read
    load(8, 7, 0)
    for name in ("put", "get", "call"):
        if_zero(8, name)
        rri8(0xC002, 8, 8, 255)  # addi a8, a8, -1
    load(2, 7, 4)
    c.put(0x000090, 3)  # retw
    for name, number, handle in (("put", 12, 0), ("get", 13, 1)):
        c.label(name)
        load(3, 7, 4)
        load(4, 7, 8)
        system(number, handle)
        jump("next")
    c.label("call")
    for i, register in enumerate((8, 10, 11, 12, 13)):
        load(register, 7, 4 + 4 * i)
    c.put(0x0008E0, 3)  # callx8 a8
    set_to(8, _DONE)
    store(8, 7, 0)
    store(10, 7, 4)
    jump("send")


def _riscv(c: _Code, mailbox: int) -> None:  # noqa: PLR0915 - a program, line by line
    """s0 outlives a call; the kernel of Linux is asked with its number in a7."""
    sp, t0, t1, s0, a0, a1, a2, a7 = 2, 5, 6, 8, 10, 11, 12, 17

    def immediate(op: int, rd: int, rs: int, value: int) -> None:
        c.put((value & 0xFFF) << 20 | rs << 15 | rd << 7 | op, 4)

    def load(rd: int, rs: int, offset: int) -> None:
        immediate(0x2003, rd, rs, offset)

    def store(rs2: int, rs1: int, offset: int) -> None:
        c.put((offset >> 5) << 25 | rs2 << 20 | rs1 << 15 | 0x2023 | (offset & 31) << 7, 4)

    def set_to(rd: int, value: int) -> None:
        immediate(0x13, rd, 0, value)

    def jump(label: str) -> None:
        def encode(far: int) -> bytes:
            word = (far >> 20 & 1) << 31 | (far >> 1 & 0x3FF) << 21 | (far >> 11 & 1) << 20
            return struct.pack("<I", word | (far >> 12 & 255) << 12 | 0x6F)

        c.jump(label, encode)

    def if_zero(rs: int, label: str) -> None:
        def encode(far: int) -> bytes:
            word = (far >> 12 & 1) << 31 | (far >> 5 & 63) << 25 | rs << 15
            return struct.pack("<I", word | (far >> 1 & 15) << 8 | (far >> 11 & 1) << 7 | 0x63)

        c.jump(label, encode)

    def system(number: int, handle: int) -> None:
        set_to(a7, number)
        set_to(a0, handle)
        c.put(0x73, 4)

    jump("begin")
    for i in range(ENTRIES):
        c.label(f"stub {i}")
        set_to(t0, i)
        jump("common")
    c.label("begin")
    set_to(t0, _READY)
    c.label("common")
    immediate(0x13, sp, sp, -16)
    store(1, sp, 12)
    store(s0, sp, 8)
    c.put(mailbox & 0xFFFFF000 | s0 << 7 | 0x37, 4)  # lui
    immediate(0x13, s0, s0, mailbox & 0xFFF)
    for i, register in enumerate((t0, a0, a1, a2, 13)):
        store(register, s0, 4 * i)
    c.label("send")
    immediate(0x13, a1, s0, 0)
    set_to(a2, 4 * MESSAGE)
    system(64, 1)  # write
    c.label("next")
    immediate(0x13, a1, s0, 0)
    set_to(a2, 24)
    system(63, 0)  # read
    load(t0, s0, 0)
    for name in ("put", "get", "call"):
        if_zero(t0, name)
        immediate(0x13, t0, t0, -1)
    load(a0, s0, 4)
    load(1, sp, 12)
    load(s0, sp, 8)
    immediate(0x13, sp, sp, 16)
    immediate(0x67, 0, 1, 0)  # ret
    for name, number, handle in (("put", 63, 0), ("get", 64, 1)):
        c.label(name)
        load(a1, s0, 4)
        load(a2, s0, 8)
        system(number, handle)
        jump("next")
    c.label("call")
    load(t1, s0, 4)
    for i, register in enumerate((a0, a1, a2, 13)):
        load(register, s0, 8 + 4 * i)
    immediate(0x67, 1, t1, 0)  # jalr ra, t1
    set_to(t0, _DONE)
    store(t0, s0, 0)
    store(a0, s0, 4)
    jump("send")
