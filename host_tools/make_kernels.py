# SPDX-License-Identifier: MIT
"""Write firmware/tirta_node/kernels.py: functions of tirta_format as viper ones, line for line.

Viper wants its types in the signature, its constants in the module, and a pointer to the block of a
channel (a tenth of the instructions of an index); nothing else differs, so codec.py and crc.py are
the one source. `make kernels` runs this; with `--check` (`make lint`) it only fails when kernels.py
is not what it would write.
"""

import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tirta_format import codec, crc

PATH = Path(__file__).parents[1] / "firmware/tirta_node/kernels.py"
_HEAD = '''# SPDX-License-Identifier: MIT
"""Record encoder, ring and CRC as viper kernels. Made by host_tools/make_kernels.py.

The sources are tirta_format/codec.py and crc.py. Viper integers wrap at the word; the arithmetic
stays within 30 bits, so that 32 and 64 bits agree.
"""

from micropython import const

'''
_SIGNATURES: dict[Callable[..., Any], str] = {
    codec.reset: "st: ptr32, prior: ptr8, channels: int",
    codec.encode: "ring: ptr32, st: ptr32",
    codec.push: "ring: ptr32, slot: int",
    codec.add_up: "ring: ptr32, n: int, channel: int",
    crc.crc32: "low: int, high: int, table: ptr16, buf: ptr8, start: int, end: int",
}
# Viper keeps the first three locals in registers, parameters first: a tenth fewer instructions when
# they are the busiest ones. So these stand first, and those that are parameters give them theirs.
_REGISTERS: dict[Callable[..., Any], tuple[str, ...]] = {
    codec.encode: ("base", "p", "s"),
    codec.push: ("o", "value", "i"),
}
_ZEROS = {"s": "ptr32(0)"}
_RESULTS = {codec.encode: " -> int"}
_PARTS = {
    "values": "    values = ptr32(int(ring) + 4 * _VALUES_AT)\n",
    "flags": "    flags = ptr8(int(ring) + 4 * ring[_FLAGS_AT])\n",
    "slots": (
        "    slots = ptr32(int(ring) + 4 * ring[_SLOTS_AT])\n"
        "    words = ptr32(int(ring) + 4 * ring[_RECORDS_AT])\n"
    ),
    "records": "    records = ptr16(int(ring) + 4 * ring[_RECORDS_AT])\n",
    "pr": "    pr = ptr16(int(st) + 4 * st[_PROBS])\n",
    "out": "    out = ptr8(int(st) + 4 * st[_OUT])\n",
}
_POINTERS = (
    ("b = _BLOCKS + x * _STRIDE\n", "s = ptr32(int(st) + 4 * (_BLOCKS + x * _STRIDE))\n"),
    ("b = _BLOCKS\n", "s = ptr32(int(st) + 4 * _BLOCKS)\n"),
    ("b += _STRIDE\n", "s = ptr32(int(s) + 4 * _STRIDE)\n"),
    ("st[b + ", "s["),
    (
        "records[o] = value & 65535\n        records[o + 1] = (value >> 16) & 65535\n",
        "words[o >> 1] = value\n",
    ),
)


def kernels() -> str:
    """The text of kernels.py."""
    body = "".join(_kernel(function, first) for function, first in _SIGNATURES.items())
    constants = re.findall(r"^(_\w+) = (.*?)(?:  #.*)?$", inspect.getsource(codec), re.MULTILINE)
    used = (
        f"{name} = const({value})\n" for name, value in constants if re.search(rf"\b{name}\b", body)
    )
    return _HEAD + "".join(used) + body


def _kernel(function: Callable[..., Any], signature: str) -> str:
    source = inspect.getsource(function)
    first, rest = source.split("\n", 1)
    # The docstring stays in front of what is put before the first statement.
    end = rest.index('"""', rest.index('"""') + 3) + 4
    doc, rest = rest[:end], rest[end:]
    for name in re.findall(r"\w+", first)[2:]:
        rest = _PARTS.get(name, "") + rest
    registers = _REGISTERS.get(function, ())
    if registers:
        given = re.findall(r"(\w+): (\w+)", signature)
        lines = [
            f"    {name} = {kind}({register})\n"
            for (name, kind), register in zip(given, registers, strict=False)
        ]
        lines = [
            f"    {register} = {_ZEROS.get(register, '0')}\n"
            for register in registers[len(given) :]
        ] + lines
        signature = ", ".join(f"{register}: int" for register in registers[: len(given)])
        rest = "".join(lines) + rest
    for plain, pointer in _POINTERS:
        rest = rest.replace(plain, pointer)
    head = f"def {function.__name__}({signature}){_RESULTS.get(function, '')}:"
    return f"\n\n@micropython.viper\n{head}\n{doc}{rest}"


def main() -> int | str:
    if "--check" in sys.argv[1:]:
        same = PATH.exists() and PATH.read_text() == kernels()
        return 0 if same else f"{PATH} is not what codec.py and crc.py say: run `make kernels`"
    PATH.write_text(kernels())
    return 0


if __name__ == "__main__":
    sys.exit(main())
