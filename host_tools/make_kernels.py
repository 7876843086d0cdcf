# SPDX-License-Identifier: MIT
"""Write the node's viper kernels: functions in plain Python as viper ones, line for line.

Viper wants its types in the signature, its constants in the module, pointers where an index costs
ten times as much (to the block of a channel, to the words of a record), and one function where a
call of a second would cost as much as three channels; nothing else differs, so the plain functions
are the one source: storage/codec_viper.py comes from tirta_format/codec.py, cobs.py and crc.py,
each X_viper.py from X_plain.py beside it. `make kernels` runs this; with `--check` (`make lint`) it
only fails when one is not what it would write.
"""

import importlib.util
import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from tirta_format import cobs, codec, crc

NODE = Path(__file__).parents[1] / "firmware/tirta_node"
_HEAD = '''# SPDX-License-Identifier: MIT
"""Record encoder, ring, COBS and CRC as viper kernels. Made by host_tools/make_kernels.py.

The sources are tirta_format/codec.py, cobs.py and crc.py. Viper integers wrap at the word; the
arithmetic stays within 30 bits, so that 32 and 64 bits agree.
"""

from micropython import const

'''
_SAMPLING_HEAD = '''# SPDX-License-Identifier: MIT
"""{}_plain.py as viper kernels. Made from it by host_tools/make_kernels.py."""

from micropython import const

'''
# Kernels of sampling: file, function, signature.
_SAMPLING = {
    "tick": {
        "tick": "ring: ptr32, st: ptr32, now: int, parts",
    },
    "statistics": {
        "add": "ring: ptr32, slot: int",
        "close": "ring: ptr32, to: ptr32, kept: int",
    },
    "quality": {"judge": "ring: ptr32, slot: int"},
    "rates": {"rates": "w: ptr32, st: ptr32, now: int, parts", "take": "of, slot: int"},
}
_SIGNATURES: dict[Callable[..., Any], str] = {
    codec.reset: "st: ptr32, prior: ptr8, channels: int",
    codec.encode: "ring: ptr32, st: ptr32",
    codec.push: "ring: ptr32, slot: int",
    codec.add_up: "ring: ptr32, n: int, channel: int",
    codec.alone: "ring: ptr32, to: ptr8, i: int, at: int, number_low: int, number_high: int",
    cobs.stuff: "to: ptr8, place: ptr16, src: ptr8, start: int, end: int",
    crc.crc32: "low: int, high: int, table: ptr16, buf: ptr8, start: int, end: int",
}
# Viper keeps the first two locals in registers (three where code is not saved as .mpy), parameters
# first: a tenth fewer instructions when they are the busiest ones. So these stand first, and those
# that are parameters give them theirs.
_REGISTERS: dict[str, tuple[str, ...]] = {
    "encode": ("base", "p", "s"),
    "push": ("i", "value", "s"),
    "tick": ("x", "row"),
    "add": ("x", "a"),
    "close": ("c", "x"),
    "judge": ("x", "q"),
}
_ZEROS = {"s": "ptr32(0)"}
_POINTERS_IN = {"row": "ptr32", "a": "ptr32", "c": "ptr32", "q": "ptr32"}
# Where the pointers to the parts are made; elsewhere at the start.
_PARTS_BEFORE = {"tick": "    st[_PREPARED] = 0\n"}
# To enter a second kernel costs as much as three channels: a call of `push` becomes its body, with
# the locals of the caller. Who calls it has looked for room.
_INLINED = re.compile(r"^( +)push\(ring, values, flags, slots, records, slot\)\n", re.MULTILINE)
_ROOM_TEST = "    if place >= end:\n        return\n"
_OF_PUSH = ("slots", "records")  # what only it needs
_LOCALS_OF_PUSH = {"s": "row", "i": "n", "value": "x", "place": "x"}
_RESULTS = {"encode": " -> int", "alone": " -> int", "tick": " -> int", "rates": " -> int"}
_PARTS = {
    "values": "    values = ptr32(int(ring) + 4 * _VALUES_AT)\n",
    "flags": "    flags = ptr8(int(ring) + 4 * ring[_FLAGS_AT])\n",
    "slots": "    slots = ptr32(int(ring) + 4 * ring[_SLOTS_AT])\n",
    "records": "    records = ptr16(int(ring) + 4 * ring[_RECORDS_AT])\n",
    "acc": "    acc = ptr32(int(ring) + 4 * ring[_ACC_AT])\n",
    "qc": "    qc = ptr32(int(ring) + 4 * ring[_QC_AT])\n",
    "out_values": "    out_values = ptr32(int(to) + 4 * _VALUES_AT)\n",
    "out_flags": "    out_flags = ptr8(int(to) + 4 * to[_FLAGS_AT])\n",
    "pr": "    pr = ptr16(int(st) + 4 * st[_PROBS])\n",
    "out": "    out = ptr8(int(st) + 4 * st[_OUT])\n",
}
_FOURS = "    fours = ptr32(int(ring) + 4 * ring[_FLAGS_AT])\n"
_SIGN = "    sign = 1 << 29\n    sign <<= 2\n"
_SIGNED = re.compile(r"\bsigned\(([^()]*)\)")
_POINTERS = (
    ("b = _BLOCKS + x * _STRIDE\n", "s = ptr32(int(st) + 4 * (_BLOCKS + x * _STRIDE))\n"),
    ("b = _BLOCKS\n", "s = ptr32(int(st) + 4 * _BLOCKS)\n"),
    ("b += _STRIDE\n", "s = ptr32(int(s) + 4 * _STRIDE)\n"),
    ("st[b + ", "s["),
    ("row = _ROWS\n", "row = ptr32(int(st) + 4 * _ROWS)\n"),
    ("row += _ROW\n", "row = ptr32(int(row) + 4 * _ROW)\n"),
    ("row += _DRIVER_ROW\n", "row = ptr32(int(row) + 4 * _DRIVER_ROW)\n"),
    ("st[row + ", "row["),
    ("a = _FRONT\n", "a = ptr32(int(acc) + 4 * _FRONT)\n"),
    ("a += _ACCOUNT\n", "a = ptr32(int(a) + 4 * _ACCOUNT)\n"),
    ("a = acc[c + _OF]\n", "a = ptr32(int(acc) + 4 * c[_OF])\n"),
    ("acc[a + ", "a["),
    (
        "c = _FRONT + acc[0] * _ACCOUNT\n",
        "c = ptr32(int(acc) + 4 * (_FRONT + acc[0] * _ACCOUNT))\n",
    ),
    ("c += _COLUMN\n", "c = ptr32(int(c) + 4 * _COLUMN)\n"),
    ("acc[c + ", "c["),
    ("q = _FIRST\n", "q = ptr32(int(qc) + 4 * _FIRST)\n"),
    ("q += _KEPT + size\n", "q = ptr32(int(q) + 4 * (_KEPT + size))\n"),
    ("at = q + _KEPT\n", "at = ptr32(int(q) + 4 * _KEPT)\n"),
    ("qc[at + ", "at["),
    ("qc[q + ", "q["),
)
# Of `push`: a value's two halves are a word, as four flags are, for all of them begin at one; and
# words are copied four a turn, at places that do not change: a quarter of the instructions.
_AS_WORDS = (
    (
        """\
    records[o] = value & 65535
    records[o + 1] = (value >> 16) & 65535
    i = 0
    end = ring[_RING_CHANNELS]
    while i < end:
        value = values[i]
        i += 1
        records[o + 2 * i] = value & 65535
        records[o + 2 * i + 1] = (value >> 16) & 65535
""",
        """\
    s = ptr32(int(records) + 2 * o)
    s[0] = value
    end = ring[_RING_CHANNELS]
    i = end
    while i > 3:
        s[1] = values[0]
        s[2] = values[1]
        s[3] = values[2]
        s[4] = values[3]
        s = ptr32(int(s) + 16)
        values = ptr32(int(values) + 16)
        i -= 4
    while i:
        s[i] = values[i - 1]
        i -= 1
""",
    ),
    (
        """\
    i = 0
    while i < end:
        value = flags[i] | flags[i + 1] << 4 | flags[i + 2] << 8 | flags[i + 3] << 12
        records[o] = value
        o += 1
        i += 4
""",
        """\
    records = ptr16(int(records) + 2 * o)
    while end > 0:
        value = fours[0]
        value = (value | value >> 4) & 0xFF00FF
        records[0] = value | value >> 8
        fours = ptr32(int(fours) + 4)
        records = ptr16(int(records) + 2)
        end -= 4
""",
    ),
)


def kernels() -> dict[Path, str]:
    """Return the text of every file."""
    texts = {NODE / "storage/codec_viper.py": _HEAD + _module(codec, _SIGNATURES)}
    for name, signatures in _SAMPLING.items():
        plain = _load(NODE / f"sampling/{name}_plain.py")
        functions = {getattr(plain, function): text for function, text in signatures.items()}
        texts[NODE / f"sampling/{name}_viper.py"] = _SAMPLING_HEAD.format(name) + _module(
            plain, functions
        )
    return texts


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _module(constants_of: ModuleType, signatures: dict[Callable[..., Any], str]) -> str:
    body = "".join(_kernel(function, first) for function, first in signatures.items())
    constants = _constants(constants_of)
    if any(_INLINED.search(inspect.getsource(function)) for function in signatures):
        of_push = set(re.findall(r"\b_[A-Z]\w*", _inlined_push("")))
        constants |= {name: value for name, value in _constants(codec).items() if name in of_push}
    used = (
        f"{name} = const({value})\n"
        for name, value in constants.items()
        if re.search(rf"\b{name}\b", body)
    )
    return "".join(used) + body


def _constants(module: ModuleType) -> dict[str, str]:
    return dict(re.findall(r"^(_\w+) = (.*?)(?:  #.*)?$", inspect.getsource(module), re.MULTILINE))


def _kernel(function: Callable[..., Any], signature: str) -> str:
    name = function.__name__
    arguments, doc, rest = _split(inspect.getsource(function))
    if function is codec.push:
        rest = _body_of_push()
    if _INLINED.search(rest):
        rest = _INLINED.sub(lambda call: _inlined_push(call[1]), rest)
        arguments = [argument for argument in arguments if argument not in _OF_PUSH]
    pointers = _pointers(arguments, rest)
    if _SIGNED.search(rest):
        pointers = _SIGN + pointers
        rest = _SIGNED.sub(r"((\1 ^ sign) - sign)", rest)
    before = _PARTS_BEFORE.get(name, "")
    rest = rest.replace(before, pointers + before, 1) if before else pointers + rest
    registers = _REGISTERS.get(name, ())
    if registers:
        given = signature.split(", ")
        places = [f"{register}: {_POINTERS_IN.get(register, 'int')}" for register in registers]
        signature = ", ".join(places[: len(given)] + given[len(registers) :])
        lines = [
            f"    {register} = {_ZEROS.get(register, '0')}\n"
            for register in registers[len(given) :]
        ]
        for argument, register in zip(given, registers, strict=False):
            known_as, kind = argument.split(": ")
            if re.search(rf"\b{known_as}\b", rest):
                lines.append(f"    {known_as} = {kind}({register})\n")
        rest = "".join(lines) + rest
    for plain, pointer in _POINTERS:
        rest = rest.replace(plain, pointer)
    head = f"def {name}({signature}){_RESULTS.get(name, '')}:"
    return f"\n\n@micropython.viper\n{head}\n{doc}{rest}"


def _split(source: str) -> tuple[list[str], str, str]:
    """Arguments, docstring (it stays in front of what is put before the body) and body."""
    first, rest = source.split("\n", 1)
    end = rest.index('"""', rest.index('"""') + 3) + 4
    return re.findall(r"\w+", first)[2:], rest[:end], rest[end:]


def _pointers(arguments: list[str], body: str) -> str:
    """To those parts that the body knows, which only a plain function has as arguments."""
    lines = [_PARTS[argument] for argument in reversed(arguments) if argument in _PARTS]
    if "flags" in arguments:
        lines.append(_FOURS)
    return "".join(line for line in lines if re.search(rf"\b{line.split()[0]}\b", body))


def _body_of_push() -> str:
    body = _split(inspect.getsource(codec.push))[2]
    for plain, words in _AS_WORDS:
        if plain not in body:
            raise ValueError(f"codec.push has no longer:\n{plain}")
        body = body.replace(plain, words)
    return body


def _inlined_push(indent: str) -> str:
    body = _body_of_push()
    body = _pointers(list(_OF_PUSH), body) + body.replace(_ROOM_TEST, "")
    for name, other in _LOCALS_OF_PUSH.items():
        body = re.sub(rf"\b{name}\b", other, body)
    return re.sub("^    ", indent, body, flags=re.MULTILINE)


def main() -> int | str:
    """Make the files, or with --check tell which are not as they would be made; return the exit
    code.
    """
    for path, text in kernels().items():
        if "--check" not in sys.argv[1:]:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            return f"{path} is not what its source says: run `make kernels`"
    return 0


if __name__ == "__main__":
    sys.exit(main())
