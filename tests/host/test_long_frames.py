# SPDX-License-Identifier: MIT
"""Functions that run as long as the node does keep nothing in RAM that is not theirs.

Where a function's locals end with their block of the heap, the interpreter holds a pointer just
behind it, to whatever lies there: that, and all that it refers to, is never collected.
"""

import pytest
from interpreters import BOTH, COMMANDS, DEVICES, FIRMWARE, ON_NODE, run

HEADER = 5  # words before the locals, which the chip's and the computer's interpreter have alike
BLOCK = 4  # words
ON_STACK = 11  # words of locals, at most
LONG = ("app.Node.run", "app.main")
# Byte code begins with its number of locals (py/bc.h, MP_BC_PRELUDE_SIG).
CODE = """
import sys, uctypes, app
function = {name}
word = 4 if sys.maxsize < 1 << 32 else 8
at = int.from_bytes(uctypes.bytes_at(id(function) + 3 * word, word), sys.byteorder)
first = byte = uctypes.bytes_at(at, 1)[0]
locals, tries, n = byte >> 3 & 15, byte >> 2 & 1, 0
while byte & 128:
    at += 1
    byte = uctypes.bytes_at(at, 1)[0]
    locals |= (byte & 0x30) << 2 * n
    tries |= (byte & 2) << n
    n += 1
print(locals + 1, tries)
"""


@pytest.mark.parametrize("name", LONG)
def test_locals_do_not_end_with_their_block(name: str) -> None:
    paths = [FIRMWARE, FIRMWARE / "frozen", ON_NODE, BOTH, DEVICES]
    count, tries = map(int, run(COMMANDS["unix-64"](CODE.format(name=name), paths)).split())
    assert count > 4, "these are not the locals"
    assert tries or count <= ON_STACK or (HEADER + count) % BLOCK
