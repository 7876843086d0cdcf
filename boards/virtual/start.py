# SPDX-License-Identifier: MIT
"""The virtual board's reset vector: `micropython -X heapsize=… -i start.py`, in the node's
directory.
"""

import _rom

_rom.start(globals())
