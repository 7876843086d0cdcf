# SPDX-License-Identifier: MIT
"""Log pages and chunks (FORMAT.md sections 2 and 3).

A *page* is one erase block. A *chunk* is one program, the unit of commit. The *mark* says that the
erase ended. Reading never trusts a length before a CRC.
"""

import struct
from binascii import crc32

SIZE = 4096
MARK = b"Tr"
MARK_JOURNAL = b"Tj"
VERSION = 2  # what is written; OLDEST is of Tirta 0.1.0
OLDEST = 1
MAX_CHANNELS = 32
HEADER_SIZE = 40
CHUNK_OVERHEAD = 6
UNKNOWN_UNCERTAINTY = 255

RECORDS = 1
RECORDS_AT = 2
META = 3
PACKED = 4
PACKED_AT = 5
SUMMED = 6  # as the two before, with sums
SUMMED_AT = 7
MOST_RECORDS = 255  # in one of these
MOST_OLDEST = 127  # in a page of version 1
SUMS_OLDEST = 0x80  # there: in their number, if sums follow

_HEADER = "<BBIIIIIIIHBB"  # bytes 2 to 35


class Header:
    """The header of a page; the attributes are the fields of FORMAT.md, `crc` included."""

    def __init__(self, channels, seq, epoch, number, slot, boot, config_hash):
        self.channels = channels
        self.seq = seq
        self.epoch = epoch
        self.number = number
        self.slot = slot
        self.boot = boot
        self.config_hash = config_hash
        self.unix_ms = 0  # of uptime 0 of the boot; 0 = unknown
        self.source = 0
        self.uncertainty = UNKNOWN_UNCERTAINTY  # 2^n ms
        self.version = VERSION
        self.crc = 0

    def date(self, unix_ms, source, uncertainty_ms):
        """Uptime 0 of the boot was at `unix_ms`, give or take."""
        self.unix_ms = unix_ms
        self.source = source
        power = 0
        while 1 << power < uncertainty_ms:
            power += 1
        self.uncertainty = power if unix_ms else UNKNOWN_UNCERTAINTY

    def pack(self):
        """The 38 bytes from offset 2 on; sets `crc`."""
        seconds, ms = divmod(self.unix_ms, 1000)
        body = struct.pack(
            _HEADER,
            self.version,
            self.channels,
            self.seq,
            self.epoch,
            self.number,
            self.slot,
            self.boot,
            self.config_hash,
            seconds,
            ms,
            self.source,
            self.uncertainty,
        )
        self.crc = crc32(body)
        return body + struct.pack("<I", self.crc)


def header(page, mark=MARK):
    """The Header in `page[:40]`, or None when there is none to trust."""
    if bytes(page[:2]) != mark:
        return None
    crc = struct.unpack_from("<I", page, 36)[0]
    if crc32(memoryview(page)[2:36]) != crc:
        return None
    fields = struct.unpack_from(_HEADER, page, 2)
    version, channels, seq, epoch, number, slot, boot, config, seconds, ms, source, unsure = fields
    newest = VERSION if mark == MARK else OLDEST  # a header of the log may go astray
    if not OLDEST <= version <= newest or not 0 < channels <= MAX_CHANNELS:
        return None
    head = Header(channels, seq, epoch, number, slot, boot, config)
    head.unix_ms = seconds * 1000 + ms
    head.source = source
    head.uncertainty = unsure
    head.version = version
    head.crc = crc
    return head


def finish_chunk(buf, kind, n, page_crc):
    """Complete the chunk in `buf`, whose payload lies at `buf[2:2 + n]`; return its length."""
    struct.pack_into("<H", buf, 0, n | kind << 12)
    struct.pack_into("<I", buf, n + 2, crc32(memoryview(buf)[: n + 2], page_crc))
    return n + CHUNK_OVERHEAD
