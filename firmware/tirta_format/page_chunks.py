# SPDX-License-Identifier: MIT
"""What lies in a whole page that may be damaged (FORMAT.md section 3). The node needs it at its
start, and when a page is to be erased.
"""

import struct
from binascii import crc32

from tirta_format import page as pages

ALIGN = 16  # where a chunk may begin after a damaged one
DAMAGED = -1  # what `chunks` calls a stretch that is not valid

_LEAST = 9  # bytes of a chunk of the journal besides its records, each of which has one at least
_READS = 4
_ERASED = b"\xff" * 256


def chunk_at(page, at, page_crc):
    """(kind, payload length) of the valid chunk at `at`; kind 0 = nothing more, -1 = damaged."""
    if at + 2 > pages.SIZE:
        return 0, 0
    word = page[at] | page[at + 1] << 8
    if word == 0xFFFF:
        return 0, 0
    n = word & 0xFFF
    end = at + 2 + n
    if end + 4 > pages.SIZE or not 0 < word >> 12 < 15:
        return DAMAGED, 0
    if crc32(memoryview(page)[at:end], page_crc) != struct.unpack_from("<I", page, end)[0]:
        return DAMAGED, 0
    return word >> 12, n


def chunks(page, page_crc):
    """Yield (kind, offset of the payload, length) of each chunk, (DAMAGED, offset, length) of each
    stretch that holds none. `page` is the whole page, `page_crc` the CRC in its header.
    """
    at = pages.HEADER_SIZE
    while at + pages.CHUNK_OVERHEAD <= pages.SIZE:
        kind, n = chunk_at(page, at, page_crc)
        if kind > 0:
            yield kind, at + 2, n
            at += n + pages.CHUNK_OVERHEAD
            continue
        if used_end(page, at) == at:
            return
        resume = next_chunk(page, at // ALIGN * ALIGN + ALIGN, pages.SIZE, ALIGN, page_crc)
        end = pages.SIZE if resume < 0 else resume
        if page[at:end] != b"\xff" * (end - at):  # else it was left out
            yield DAMAGED, at, end - at
        at = end


def again(flash, block, page, at, end, page_crc):
    """Whether the damaged chunk at `at` is whole in another reading of `page[at:end]`: then that is
    what `page` holds now.
    """
    view = memoryview(page)[at:end]
    before = bytes(view)
    for _ in range(_READS):
        flash.read(block, at, view)
        if chunk_at(page, at, page_crc)[0] > 0:
            return True
    view[:] = before
    return False


def settle(flash, block, page, page_crc):
    """Read again what seems damaged in `page`, for a cell may read as either."""
    done = 0
    while done < pages.SIZE:
        damaged = [(at, n) for kind, at, n in chunks(page, page_crc) if kind == DAMAGED]
        at, n = next((each for each in damaged if each[0] >= done), (pages.SIZE, 0))
        if n:
            again(flash, block, page, at, at + n, page_crc)
        done = at + 1


def next_chunk(page, at, end, step, page_crc):
    """Where the first valid chunk of `page[at:end]` begins that begins a multiple of `step` behind
    `at`; -1 where there is none.
    """
    last = end - pages.CHUNK_OVERHEAD
    used = used_end(page, at)
    for start in range(at, min(last + 1, used), step):
        high = page[start + 1]  # most places are ruled out here, without a call
        fits = 0x10 <= high < 0xF0 and start + (page[start] | (high & 15) << 8) <= last
        if fits and chunk_at(page, start, page_crc)[0] > 0:
            return start
    return -1


def used_end(page, start):
    """The index after the last byte of `page[start:]` that is not 0xFF; `start` when all are."""
    end = pages.SIZE
    for n in (256, 16):
        erased = _ERASED[:n]
        while end - n >= start and page[end - n : end] == erased:
            end -= n
    while end > start and page[end - 1] == 0xFF:
        end -= 1
    return end


def most(page, start, end):
    """How many records the damaged page[start:end] of a journal held at most."""
    while start < end and page[start] == 0xFF:
        start += 1
    while end > start and page[end - 1] == 0xFF:
        end -= 1
    return max(0, end - start - _LEAST)


def repaired(page, mark):
    """The header of `page` in which one bit is wrong, which is set right there; or None, and `page`
    is as it was. A chunk of the page proves it.
    """
    before = bytes(page[: len(mark)])
    page[: len(mark)] = mark
    for bit in range(2 * 8 - 1, pages.HEADER_SIZE * 8):
        if bit >= 2 * 8:  # first as it is: the mark may be what was hurt
            page[bit >> 3] ^= 1 << (bit & 7)
        crc = struct.unpack_from("<I", page, 36)[0]
        if crc32(memoryview(page)[2:36]) == crc:
            head = pages.header(page, mark)
            if head and next_chunk(page, pages.HEADER_SIZE, pages.SIZE, 1, crc) >= 0:
                return head
        if bit >= 2 * 8:
            page[bit >> 3] ^= 1 << (bit & 7)
    page[: len(mark)] = before
    return None


def is_hurt(page, mark, epoch, seq=-1, number=0):
    """Whether a page without a header to trust was one of this epoch: its mark, version and epoch
    are wrong in a few bits, where an erase that was cut leaves more; or nothing of it can be read.
    `seq`: the page is to follow the one with this sequence, and begin with about this number.
    """
    if not any(page):
        return True
    wrong = 0
    for at, right in zip((0, 1, 8, 9, 10, 11), mark + struct.pack("<I", epoch)):
        wrong += differ(page[at], right)
    wrong += min(differ(page[2], pages.OLDEST), differ(page[2], pages.VERSION))
    if seq >= 0:
        for at, right, shift in ((4, seq + 1 >> 6, 6), (12, number >> 12, 12)):
            has = struct.unpack_from("<I", page, at)[0] >> shift
            wrong += min(differ(has, right), differ(has, right + 1))
    return wrong <= 4  # an erase that was cut leaves more


def differ(one, other):
    """How many bits of these two differ."""
    count = 0
    differs = one ^ other
    while differs:
        count += differs & 1
        differs >>= 1
    return count
