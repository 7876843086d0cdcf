# SPDX-License-Identifier: MIT
"""The virtual board's reset vector: `micropython -X heapsize=… -i start.py`, in this folder."""

import sys

sys.path[0] = ""  # not this folder's path: each module would keep it on the heap

import _rom  # noqa: E402

_rom.start(globals())
