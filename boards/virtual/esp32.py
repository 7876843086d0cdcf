# SPDX-License-Identifier: MIT
"""The part of the ESP32 port's `esp32` module that nodes use: Partition, NVS, PCNT, temperature.

Arguments and errors are those of the port (documentation of MicroPython 1.27 to 1.29): what the
chip refuses is refused here.
"""

import hashlib

import _flash
import _nvs
import _water
import _wire
from _counter import PCNT  # noqa: F401
from _rmt import RMT  # noqa: F401

_TABLE_AT = 0x8000
_TABLE_SIZE = 0xC00
_ENTRY = 32
_INVALID_ARG = (-0x102, "ESP_ERR_INVALID_ARG")
_INVALID_SIZE = (-0x104, "ESP_ERR_INVALID_SIZE")
_ENOENT = 2
_wifi = False  # network tells
HEAP_DATA = 4


def _read_table():
    """(type, subtype, address, size, label, encrypted) of each entry; the boot loader checked the
    MD5.
    """
    data = bytearray(_TABLE_SIZE)
    _flash.read(_TABLE_AT, data)
    found = []
    for at in range(0, _TABLE_SIZE, _ENTRY):
        entry = data[at : at + _ENTRY]
        if entry[:2] == b"\xeb\xeb":
            if hashlib.md5(data[:at]).digest() != entry[16:]:
                raise OSError("partition table: MD5 does not match")
            return found
        if entry[:2] != b"\xaa\x50":
            break
        address = int.from_bytes(entry[4:8], "little")
        size = int.from_bytes(entry[8:12], "little")
        label = bytes(entry[12:28]).rstrip(b"\0").decode()
        found.append((entry[2], entry[3], address, size, label, bool(entry[28] & 1)))
    raise OSError("partition table: no MD5 entry")


class Partition:
    BOOT = 0
    RUNNING = 1
    TYPE_APP = 0
    TYPE_DATA = 1

    def __init__(self, id, block_size=4096):
        if block_size != _flash.BLOCK:
            raise ValueError("block_size")
        if isinstance(id, tuple):  # from find()
            self._info = id
            return
        if isinstance(id, int):
            if id not in (self.BOOT, self.RUNNING):
                raise ValueError
            found = [entry for entry in _table if entry[0] == 0]
        else:
            found = [entry for entry in _table if entry[4] == id]
        if not found:
            raise OSError(_ENOENT)
        self._info = found[0]

    @staticmethod
    def find(type=0, subtype=0xFF, label=None, block_size=4096):
        return [
            Partition(entry, block_size)
            for entry in _table
            if type in (entry[0], 0xFF)
            and subtype in (entry[1], 0xFF)
            and label in (None, entry[4])
        ]

    def __repr__(self):
        return (
            "<Partition type=%u, subtype=%u, address=%u, size=%u, label=%s, encrypted=%u>"
            % self._info
        )

    def info(self):
        return self._info

    # The port does these three in C: an interrupt waits until they are done, a file system that
    # called them never sees it. So what was interrupted is done again, which changes nothing.

    def readblocks(self, block, buf, offset=0):
        while True:
            try:
                return _flash.read(self._at(block * _flash.BLOCK + offset, len(buf)), buf)
            except KeyboardInterrupt:
                _wire.tell(b"interrupt")

    def writeblocks(self, block, buf, offset=None):
        while True:
            try:
                return self._write(block * _flash.BLOCK, buf, offset)
            except KeyboardInterrupt:
                _wire.tell(b"interrupt")

    def ioctl(self, op, arg):
        if op in (1, 2, 3):  # start, stop, sync
            return 0
        if op == 4:
            return self._info[3] // _flash.BLOCK
        if op == 5:
            return _flash.BLOCK
        while op == 6:
            try:
                self._erase(arg * _flash.BLOCK, _flash.BLOCK)
                return 0  # noqa: TRY300 - inside, where no interrupt comes between
            except KeyboardInterrupt:
                _wire.tell(b"interrupt")
        return None

    def get_next_update(self):
        raise OSError(_ENOENT)  # one factory application, no OTA slots

    def _write(self, at, buf, offset):
        if offset is None:
            self._erase(at, len(buf))
            offset = 0
        _flash.program(self._at(at + offset, len(buf)), buf)

    def _erase(self, at, size):
        first = self._at(at, size)
        if size % _flash.BLOCK:
            raise OSError(*_INVALID_SIZE)
        done = 0
        while done < size:
            _flash.erase(first + done)
            done += _flash.BLOCK

    def _at(self, at, size):
        """The address in the flash; the port's offsets are unsigned, so a negative one is huge."""
        if at < 0 or at > self._info[3]:
            raise OSError(*_INVALID_ARG)
        if at + size > self._info[3]:
            raise OSError(*_INVALID_SIZE)
        return self._info[2] + at


class NVS:
    """One namespace; what is set is on flash at once, where the port may wait for `commit`."""

    def __init__(self, namespace):
        where = [entry for entry in _table if entry[:2] == (1, 2)]
        if not where:
            raise OSError(-0x105, "ESP_ERR_NOT_FOUND")
        self._store = _nvs.Store(where[0][2], where[0][3])
        self._space = namespace
        self._store.open(namespace)

    def set_i32(self, key, value):
        self._store.set(self._space, key, value)

    def get_i32(self, key):
        return self._store.get(self._space, key)

    def erase_key(self, key):
        self._store.erase(self._space, key)

    def commit(self):
        pass


def idf_heap_info(capabilities):
    """(size, free, largest piece, least ever free) of the region of RAM that Python's heap grows
    into, as an ESP32 has it when MicroPython has begun, and when Wi-Fi has joined.
    """
    return [(113840, 23936, 23552, 320) if _wifi else (113840, 112968, 110592, 320)]


def raw_temperature():
    """Degrees Fahrenheit of the chip, as the classic ESP32 tells it."""
    return int(_water.air_temperature_c() * 1.8 + 32 + 25)


_table = _read_table()
