# SPDX-License-Identifier: MIT
"""What outlives a run of the chip: one small file beside the flash, shared with the supervisor.

Fields are 64-bit little-endian integers, one per slot; the supervisor maps the same file and reads them
while the board runs. What a power cut clears (the RTC and its memory) the supervisor clears, because it
is the one who cuts. The slots are listed once more in tirta/virtual/state.py; a test compares the two.
"""

from array import array

CLOCK_OFFSET_US = 1  # virtual time = the computer's monotonic clock + this
BOOT_US = 2  # virtual time of the last power-on or hard reset: ticks count from here
RTC_OFFSET_US = 3  # time since 2000-01-01 = virtual time + this
SCENARIO_START_US = 4  # virtual time at which a sensor was first touched; 0: not yet
FLASH_OPS = 5  # programs and erases since the node was made
CUT_AT_OP = 6  # the power goes at this operation; 0: it stays
TORN_SHAPE = 7
SEED = 8
RESET_CAUSE = 9
BAUD = 10
SPEED = 11  # 0: max
RAW_REPL = 12  # 1: the soft reset came from the raw REPL; cleared when the board is back in it
UNIQUE_ID = 13
RTC_MEMORY_LEN = 14
BUSY = 15  # 1: the chip is in code that no Ctrl-C reaches
HEAP_USED = 16  # bytes that the board's own modules take from the heap
RTC_MEMORY_AT = 512
RTC_MEMORY_MAX = 2048

_file = open("state.bin", "r+b")
_cell = array("q", [0])


def get(slot):
    _file.seek(slot * 8)
    _file.readinto(_cell)
    return _cell[0]


def put(slot, value):
    _cell[0] = value
    _file.seek(slot * 8)
    _file.write(_cell)


def get_rtc_memory():
    size = get(RTC_MEMORY_LEN)
    _file.seek(RTC_MEMORY_AT)
    return _file.read(size)


def put_rtc_memory(data):
    _file.seek(RTC_MEMORY_AT)
    _file.write(data)
    put(RTC_MEMORY_LEN, len(data))
