# SPDX-License-Identifier: MIT
"""Identity, resets, the clock that runs through resets, and flash partitions of an ESP32.

boot.py has its own copy of this file in `vfs`, so it needs nothing but the port's modules.
RTC memory survives every reset but the loss of power; ours holds `Ti` and the seconds that a
visit to the REPL may last.
"""

import struct
import time
from binascii import hexlify

import esp32
import machine
from micropython import const

from tirta_node.hal.flash import Flash

_EPOCH_2000 = const(946684800)  # the ESP32 port counts seconds from 2000-01-01
_RTC_MEMORY = "<2sIB"
_RTC_MAGIC = b"Ti"
_VISIT_S = const(1800)  # until a config says otherwise
_PLAUSIBLE = const(
    757382400
)  # 2024-01-01 in the port's seconds: before this the clock was never set

CAUSE_NAMES = ("PWRON_RESET", "HARD_RESET", "WDT_RESET", "DEEPSLEEP_RESET", "SOFT_RESET")


def node_id():
    """Twelve hexadecimal digits that no other chip has."""
    return hexlify(machine.unique_id()).decode()


def reset_cause():
    """Why the chip started: an index into `tirta_format.meta.CAUSES`."""
    cause = machine.reset_cause()
    for i, name in enumerate(CAUSE_NAMES):
        if cause == getattr(machine, name):
            return i + 1
    return 0


def reset():
    """Start anew, as after pressing the button. Does not return."""
    machine.reset()


def keep_visit(seconds, flag=0):
    """Remember through resets how long a visit to the REPL may last; `flag` is of slot.py."""
    machine.RTC().memory(struct.pack(_RTC_MEMORY, _RTC_MAGIC, seconds, flag))


def visit():
    """(seconds, flag) that `keep_visit` was told since power came, or (1800, 0)."""
    kept = machine.RTC().memory()
    if len(kept) == struct.calcsize(_RTC_MEMORY) and kept[:2] == _RTC_MAGIC:
        return struct.unpack(_RTC_MEMORY, kept)[1:]
    return _VISIT_S, 0


def reset_after(seconds):
    """Reset the chip after `seconds`, also at an idle REPL, unless `stay` is called before."""
    machine.Timer(0).init(
        mode=machine.Timer.ONE_SHOT, period=seconds * 1000, callback=lambda timer: machine.reset()
    )


def cancel_reset():
    """Undo `reset_after`."""
    machine.Timer(0).deinit()


def kept_unix_ms():
    """Unix time in ms by the clock that runs through resets, or 0 when it was never set."""
    now_ns = time.time_ns()
    if now_ns // 1000000000 < _PLAUSIBLE:
        return 0
    return now_ns // 1000000 + _EPOCH_2000 * 1000


def keep_unix_ms(unix_ms):
    """Set that clock."""
    seconds = unix_ms // 1000 - _EPOCH_2000
    year, month, day, hour, minute, second, weekday, _ = time.gmtime(seconds)
    micros = unix_ms % 1000 * 1000
    machine.RTC().datetime((year, month, day, weekday, hour, minute, second, micros))


def partition(name):
    """The Flash of the data partition called `name`. Raises OSError when there is none."""
    found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label=name)
    if not found:
        raise OSError("no partition called " + name)
    return Flash(found[0])
