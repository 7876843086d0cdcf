# SPDX-License-Identifier: MIT
"""The ledger of an archive (FORMAT.md section 14.3), as a node reads it: bytes that are searched
where they lie, for a page at a time.
"""

import struct

from tirta_format import varint

HEAD = "<IIIQII"  # epoch, heard, safe, Unix time in ms, its uncertainty in ms, floor
HEAD_SIZE = 28
MOST_BYTES = 480  # of a ledger's body
_WHOLE = 4096


def known(body, page):
    """Return how many bytes of a page an archive has by this ledger; all of it where the ledger
    does not speak of the page. Raises ValueError for one that no archive writes.
    """
    n = len(body)
    if n <= HEAD_SIZE:
        raise ValueError("a ledger is cut off")
    if page < struct.unpack_from("<I", body, HEAD_SIZE - 4)[0]:
        return _WHOLE
    at = HEAD_SIZE + 1
    first = -1
    for _ in range(body[HEAD_SIZE]):
        gap, at = varint.get(body, at, n)
        more, at = varint.get(body, at, n)
        last = gap if first < 0 else first - 2 - gap
        first = last - more
        if first < 0:
            raise ValueError("a ledger speaks of pages before the first")
        if first <= page <= last:
            return _WHOLE
    if at >= n:
        raise ValueError("a ledger is cut off")
    count, at = body[at], at + 1
    for _ in range(count):
        sequence, at = varint.get(body, at, n)
        size, at = varint.get(body, at, n)
        if sequence == page:
            return min(size, _WHOLE)
    return 0
