# SPDX-License-Identifier: MIT
"""Records through the node's packer, as the log does it: for tests in both worlds."""

import plain_viper

from tirta_format import page, varint

plain_viper.stand_in()
try:
    from tirta_node.storage import packer, ring
except ImportError:  # on a node there are no rooms
    from tirta_node import packer, ring

LEAST_ROOM = 64

# A packer makes its table anew and has all of RAM swept for it, which takes long on a laptop.
_table = packer.make_table()
packer.make_table = lambda: _table


def a_ring(channels, viper=True, capacity=0):
    """A Ring, with the node's kernels or with their plain run."""
    if viper:
        return ring.Ring(channels, capacity)
    return ring.Ring(channels, capacity, plain_viper.kernels("codec_viper"))


def runs(channels, rows, room, most, viper=True, version=page.VERSION):
    """[models are fresh, records, run with its CRC-32] for each run of (slip, values, flags);
    pages have `room` bytes for runs.
    """
    kept = a_ring(channels, viper, page.MOST_RECORDS + 1)  # the longest run fits
    pack = packer.Packer(kept)
    out = []
    i = 0
    while i < len(rows):
        left = room
        fresh = True
        pack.page(65535, 65535, version - page.OLDEST)
        while i < len(rows) and left >= LEAST_ROOM:
            pack.begin(left, most)
            done = packer.IN
            while i < len(rows) and done == packer.IN:
                slip, values, flags = rows[i]
                if kept.count() == pack.count():
                    kept.begin(0 if fresh and not pack.count() else -slip)
                    put(kept, 0, values, flags)
                done = pack.add()
                i += done != packer.NO
            start = packer.HEAD
            end = start + pack.finish()
            pack.crc(start, end)
            if fresh and not pack.count():
                raise ValueError("a record does not fit its page")
            if pack.count():
                out.append([fresh, pack.count(), bytes(pack.chunk[start : end + 4])])
                fresh = False
            kept.drop(pack.count())
            left -= end - start
            if left < 3:  # cut off, or nothing more would fit
                break
    return out


def put(kept, slot, values, flags):
    """A record into the ring."""
    for c in range(kept.channels):
        kept.values[c] = values[c]
        kept.flags[c] = flags[c]
    kept.push(slot)


def payload(place, sums, count, run, version=page.VERSION):
    """The payload of a chunk: `place` for kinds 5 and 7, `sums` [[place of the name, sum]]."""
    buf = bytearray(20 + 11 * len(sums))
    at = 0
    for n in place:
        at = varint.put(buf, at, n)
    buf[at] = count | (page.SUMS_OLDEST if sums and version == page.OLDEST else 0)
    at += 1
    if sums:
        buf[at] = len(sums)
        at += 1
        for where, total in sums:
            buf[at] = where
            at = varint.put(buf, at + 1, total << 1 if total >= 0 else -total * 2 - 1)
    return bytes(buf[:at]) + run


def chunk(kind, content, page_crc):
    """A whole chunk."""
    buf = bytearray(2) + content + bytearray(4)
    page.finish_chunk(buf, kind, len(content), page_crc)
    return bytes(buf)
