# SPDX-License-Identifier: MIT
"""What the unix process gives the board: the built-in modules that files of this directory replace.

The interpreter looks into sys.path before its own modules, so the path is emptied for these
imports.
"""

import sys

_path = sys.path[:]
sys.path[:] = ()
machine = __import__("machine")
os = __import__("os")
select = __import__("select")
socket = __import__("socket")
time = __import__("time")
vfs = __import__("vfs")
sys.path[:] = _path
del _path
