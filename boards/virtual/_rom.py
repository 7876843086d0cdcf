# SPDX-License-Identifier: MIT
"""What the port does between reset and REPL: mount `/`, run boot.py and main.py.

The frozen `_boot` mounts the partition `vfs`; where it is erased it makes a file system; where it
cannot be mounted it says so for ever. boot.py that raises skips main.py, and so does a soft reset
that came from the raw REPL. SystemExit out of either is a soft reset. Both run in the REPL's own
globals.
"""

import gc
import os
import select  # noqa: F401
import sys
import time

import _clock
import _host
import _power
import _state
import _vfs as vfs
import _water
import _wire
import machine  # noqa: F401
import micropython
import onewire  # noqa: F401
from esp32 import Partition

if _state.get(_state.NETWORK):
    import socket  # noqa: F401

    import network  # noqa: F401

_CTRL_C = 3
_NAMES = 692
_DEVICE_NAMES = 73  # more that the board has when the scenario has devices on buses
_NETWORK_NAMES = 114  # and with a radio and Ethernet
_BOOT_PY = """\
# This file is executed on every boot (including wake-boot from deepsleep)
#import esp
#esp.osdebug(None)
#import webrepl
#webrepl.start()
"""


def start(main_globals):
    _wire.rom = start  # this code is on the heap while main.py runs; at the REPL, too, to compare
    micropython.kbd_intr(-1)
    _be_the_chip(main_globals)
    _grow_names()
    _wire.tell(b"boot")
    gc.collect()
    _state.put(_state.HEAP_USED, gc.mem_alloc())
    try:
        _mount_root()
        gc.collect()
        raw = _state.get(_state.RAW_REPL)
        if _run("/boot.py", main_globals) and not raw:
            _run("/main.py", main_globals)
    except KeyboardInterrupt:  # it came between two of these lines
        raw = 0
    micropython.kbd_intr(-1)
    _clock.at_repl = True
    _wire.tell(b"repl raw" if raw else b"repl")
    while _state.get(_state.RAW_REPL):
        _host.time.sleep_ms(1)


def _grow_names():
    """Have the interpreter's table of names double once more.

    When it is full, at 1,270 names, it takes 14 KB in one piece. Here the board's own 600 names are
    in it; the chip's are in ROM, so there the firmware would fill it much later.
    """
    more = _DEVICE_NAMES if _water.has_devices() else 0
    if _state.get(_state.NETWORK):
        more += _NETWORK_NAMES
    for i in range(_NAMES - more):
        getattr(sys, "_%x" % i, None)  # a name that was asked for stays known


def _run(path, main_globals):
    """False when it ended in an exception."""
    try:
        os.stat(path)
    except OSError:
        return True
    try:
        with open(path) as file:
            code = compile(file.read(), path, "exec")
        micropython.kbd_intr(_CTRL_C)  # as in the port: after compiling, before the first bytecode
        exec(code, main_globals)
    except SystemExit:
        _power.soft_reset()
    except BaseException as error:  # noqa: BLE001 - the port prints whatever it is
        micropython.kbd_intr(-1)
        sys.print_exception(error)
        return False
    finally:
        micropython.kbd_intr(-1)
    return True


def _be_the_chip(main_globals):
    """From here on the computer's files and modules are out of sight."""
    names = ("esp32", "machine", "network", "onewire", "os", "select", "socket", "time")
    for name in list(sys.modules):
        if name not in names:
            del sys.modules[name]
    for name in ("machine", "os", "select", "time"):  # the port's older names, which mpremote uses
        sys.modules["u" + name] = sys.modules[name]
    sys.modules["vfs"] = vfs
    sys.modules["sys"] = sys.modules["usys"] = _wire.chip_sys
    main_globals.clear()
    main_globals["__name__"] = "__main__"
    _host.vfs.umount("/")
    sys.path[:] = ("", ".frozen", "/lib")
    sys.argv[:] = ()


def _mount_root():
    partitions = Partition.find(Partition.TYPE_DATA, label="vfs")
    if not partitions:
        return
    root = partitions[0]
    try:
        vfs.mount(root, "/")
    except OSError:
        _make_root(root)


def _make_root(root):
    block = bytearray(4096)
    root.readblocks(0, block)
    while block != b"\xff" * 4096:
        micropython.kbd_intr(_CTRL_C)
        print("The filesystem appears to be corrupted. Flash the board again.\n")
        time.sleep(3)
    print("Performing initial setup")
    vfs.VfsLfs2.mkfs(root)
    vfs.mount(root, "/")
    with open("/boot.py", "w") as file:
        file.write(_BOOT_PY)
