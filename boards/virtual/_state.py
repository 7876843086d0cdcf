# SPDX-License-Identifier: MIT
"""What outlives a run of the chip: one small file beside the flash, shared with the supervisor.

Fields are 64-bit little-endian integers, one per slot; the supervisor maps the same file and reads
them while the board runs. What a power cut clears (the RTC and its memory) the supervisor clears,
because it is the one who cuts. The slots are listed once more in tirta/virtual/state.py; a test
compares the two.
"""

import _memory

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
HEAP_USED = 15  # bytes that the board's own modules take from the heap
QUIET_UNTIL_US = 16  # the computer's clock until which time runs at 1, because a laptop talks
FREE_LINE = 17  # 1: no FIFO; a write waits only for its reader, as on native USB
ERASE_MS = 18  # the longest time that an erase of flash takes; 0: none
ERASES = 19  # since the node was made
CLOCK_CHIP_SINCE_US = 20  # virtual time at which the second of the DS3231 began; 0: it is new
TALK_US = 21  # after each input time runs at 1 for so long
NETWORK = 22  # what of the network is there, as _radio.py says; 0: the board has no radio
NETWORK_BYTES = 23  # after so many more bytes the link goes away; 0: it stays
_RTC_MEMORY_AT = 512
RTC_MEMORY_MAX = 2048
_CLOCK_CHIP_AT = 2560  # its registers, which its own battery keeps


def get(slot):
    return _memory.get64(_memory.STATE + slot * 8)


put = _memory.put_state


def get_rtc_memory():
    data = bytearray(get(RTC_MEMORY_LEN))
    _memory.load(data, _memory.STATE + _RTC_MEMORY_AT, len(data))
    return bytes(data)


def put_rtc_memory(data):
    _memory.store(_memory.STATE + _RTC_MEMORY_AT, data, len(data))
    put(RTC_MEMORY_LEN, len(data))


def get_clock_chip(registers):
    _memory.load(registers, _memory.STATE + _CLOCK_CHIP_AT, len(registers))


def put_clock_chip(registers, since_us):
    _memory.store(_memory.STATE + _CLOCK_CHIP_AT, registers, len(registers))
    put(CLOCK_CHIP_SINCE_US, since_us)
