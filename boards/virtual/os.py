# SPDX-License-Identifier: MIT
"""The port's `os`: the file system of the node, nothing of the computer that runs it."""

import _host
from _host import os as _os

sep = "/"
chdir = _os.chdir
getcwd = _os.getcwd
ilistdir = _os.ilistdir
listdir = _os.listdir
mkdir = _os.mkdir
remove = _os.remove
rename = _os.rename
rmdir = _os.rmdir
stat = _os.stat
statvfs = _os.statvfs
unlink = _os.remove
urandom = _os.urandom
mount = _host.vfs.mount
umount = _host.vfs.umount
VfsFat = _host.vfs.VfsFat
VfsLfs2 = _host.vfs.VfsLfs2


def sync():
    pass


def uname():
    return ("esp32", "esp32", "1.28.0", "v1.28.0", "Tirta virtual board with ESP32")
