# SPDX-License-Identifier: MIT
"""What the unix process gives the board: the built-in modules that files of this directory replace.

The interpreter looks into sys.path before its own modules, so the path is emptied for these imports.
"""

import sys

_path = sys.path[:]
sys.path[:] = ()
import machine  # noqa: E402
import os  # noqa: E402
import select  # noqa: E402
import time  # noqa: E402
import vfs  # noqa: E402

sys.path[:] = _path
del _path
