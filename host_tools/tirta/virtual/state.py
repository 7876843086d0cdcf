# SPDX-License-Identifier: MIT
"""The state file that a virtual board and its supervisor share: 64-bit integers, one per slot.

The board reads and writes it as a file, the supervisor maps it. The slots are those of
boards/virtual/_state.py (a test compares the two lists).
"""

import mmap
import struct
from enum import IntEnum, IntFlag
from pathlib import Path
from typing import Self

_SIZE = 4096
_RTC_MEMORY_AT = 512
_RTC_MEMORY_SIZE = 2048


class Slot(IntEnum):
    """What lies where in the file that a board and its supervisor share."""

    CLOCK_OFFSET_US = 1
    BOOT_US = 2
    RTC_OFFSET_US = 3
    SCENARIO_START_US = 4
    FLASH_OPS = 5
    CUT_AT_OP = 6
    TORN_SHAPE = 7
    SEED = 8
    RESET_CAUSE = 9
    BAUD = 10
    SPEED = 11
    RAW_REPL = 12
    UNIQUE_ID = 13
    RTC_MEMORY_LEN = 14
    HEAP_USED = 15
    QUIET_UNTIL_US = 16
    FREE_LINE = 17
    ERASE_MS = 18
    ERASES = 19
    CLOCK_CHIP_SINCE_US = 20
    TALK_US = 21
    NETWORK = 22
    NETWORK_BYTES = 23


class Torn(IntEnum):
    """What the power cut leaves of the flash operation that it hits."""

    CLEAN = 0
    NOTHING = 1
    HALF = 2
    RANDOM = 3
    BITS = 4
    ERASE_HALF = 5

    @classmethod
    def parse(cls, name: str | None) -> Self | None:
        """Return the kind of this name, or None."""
        key = "CLEAN" if name is None else name.upper().replace("-", "_")
        return cls[key] if key in cls.__members__ else None


class Without(IntFlag):
    """What the network lacks; the bits are those of boards/virtual/_radio.py."""

    RADIO_IS_THERE = 1
    ACCESS_POINT = 2
    ADDRESS = 4
    NAMES = 8
    WAY = 16
    RIGHT_KEY = 32
    PHY = 64
    CABLE = 128
    DRIVER = 256

    @classmethod
    def of(cls, names: list[str]) -> Self | None:
        """Return the sum of these names, as "access-point", or None."""
        keys = [name.upper().replace("-", "_") for name in names]
        if not set(keys) <= cls.__members__.keys():
            return None
        found = cls(0)
        for key in keys:
            found |= cls[key]
        return found


class State:
    """The file that a board and its supervisor share, mapped into memory."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_SIZE))
        self._file = path.open("r+b")
        self._map = mmap.mmap(self._file.fileno(), _SIZE)

    def __getitem__(self, slot: Slot) -> int:
        return int(struct.unpack_from("<q", self._map, slot * 8)[0])

    def __setitem__(self, slot: Slot, value: int) -> None:
        struct.pack_into("<q", self._map, slot * 8, value)

    def clear_rtc(self, now_us: int) -> None:
        """Forget what a power cut takes: the RTC starts at 2000-01-01 and its memory is gone."""
        self[Slot.RTC_OFFSET_US] = -now_us
        self[Slot.RTC_MEMORY_LEN] = 0
        self._map[_RTC_MEMORY_AT : _RTC_MEMORY_AT + _RTC_MEMORY_SIZE] = bytes(_RTC_MEMORY_SIZE)

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()
        self._file.close()
