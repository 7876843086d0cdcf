# SPDX-License-Identifier: MIT
"""The port's `vfs`: without VfsPosix, which would show the computer's files."""

from _host import vfs as _vfs

VfsFat = _vfs.VfsFat
VfsLfs2 = _vfs.VfsLfs2
mount = _vfs.mount
umount = _vfs.umount
