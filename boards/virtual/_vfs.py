# SPDX-License-Identifier: MIT
"""The port's `vfs`: without VfsPosix, which would show the computer's files.

The interpreter prefers its own `vfs` to a file of that name, so `_rom` puts this one into
sys.modules.
"""

from _host import vfs as _vfs

VfsFat = _vfs.VfsFat
VfsLfs2 = _vfs.VfsLfs2
mount = _vfs.mount
umount = _vfs.umount
