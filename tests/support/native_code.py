# SPDX-License-Identifier: MIT
"""Machine code out of .mpy files, as MicroPython's py/persistentcode.c (version 6.3) reads them.

A *raw code* is a function: bytecode of the module, whose children are the functions in it. Of a
viper function the machine code can be called at its first byte with (function object, number of
arguments, number of keyword arguments, their address).
"""

import ast
from dataclasses import dataclass
from pathlib import Path

_BYTECODE = 2
_NATIVE = 3
_VIPER = 4
_FUN_TABLE, _NONE, _FALSE, _TRUE, _ELLIPSIS, _STR, _BYTES = range(7)

# Names that .mpy files give by number (py/makeqstrdata.py), as far as the kernels use them.
_STATIC = {162: "value"}


@dataclass(frozen=True)
class Native:
    """What a module's viper functions need: code by name, qstrs, and where `objs` holds the table
    of the runtime's functions.
    """

    code: dict[str, bytes]
    qstrs: list[str]
    objs: int
    fun_table_at: int


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def bytes(self, count: int) -> bytes:
        found = self.data[self.at : self.at + count]
        assert len(found) == count, "the file ends too soon"
        self.at += count
        return found

    def number(self) -> int:
        value = 0
        while True:
            (byte,) = self.bytes(1)
            value = value << 7 | byte & 127
            if byte < 128:
                return value


def load(mpy: bytes, source: Path) -> Native:
    """The viper functions of `source`, of which `mpy` is made."""
    reader = _Reader(mpy)
    qstrs, n_objs = _head(reader)
    fun_table_at = -1
    for i in range(n_objs):
        if _is_fun_table(reader):
            fun_table_at = i
    found = _raw_code(reader)
    assert reader.at == len(mpy)
    names = [
        node.name
        for node in ast.parse(source.read_text()).body
        if isinstance(node, ast.FunctionDef)
    ]
    assert len(found) == len(names)
    assert fun_table_at >= 0
    return Native(dict(zip(names, found, strict=True)), qstrs, n_objs, fun_table_at)


def names_of(mpy: bytes) -> set[str]:
    """Every name that a module brings to MicroPython's table."""
    return set(_head(_Reader(mpy))[0]) - {""}


def _head(reader: _Reader) -> tuple[list[str], int]:
    """Names, and how many objects follow."""
    assert reader.bytes(2) == b"M\x06"
    flags, _ = reader.bytes(2)
    assert flags & 3 in ({3} if flags >> 2 & 15 else {0, 3}), "sub-version"
    n_qstrs, n_objs = reader.number(), reader.number()
    return [_qstr(reader) for _ in range(n_qstrs)], n_objs


def _qstr(reader: _Reader) -> str:
    size = reader.number()
    if size & 1:
        return _STATIC.get(size >> 1, "")
    return reader.bytes((size >> 1) + 1)[:-1].decode()


def _is_fun_table(reader: _Reader) -> bool:
    (kind,) = reader.bytes(1)
    if kind in (_STR, _BYTES):
        reader.bytes(reader.number() + 1)
    elif kind not in (_FUN_TABLE, _NONE, _FALSE, _TRUE, _ELLIPSIS):
        reader.bytes(reader.number())
    return kind == _FUN_TABLE


def _raw_code(reader: _Reader) -> list[bytes]:
    """Machine code of the children of a module's bytecode, in order."""
    size = reader.number()
    kind = (size & 3) + _BYTECODE
    code = reader.bytes(size >> 3)
    children: list[bytes] = []
    if kind == _VIPER:
        assert reader.number() == 0, "relocations"
        children = [code]
    else:
        assert kind == _BYTECODE
    if size & 4:
        for _ in range(reader.number()):
            children += _raw_code(reader)
    return children
