# SPDX-License-Identifier: MIT
"""What a ring of pages does when the flash refuses or lies, and how it begins after a start. Called
by `unload`, with the PageRing.
"""

from binascii import crc32

from tirta_format import page as pages
from tirta_format import page_chunks
from tirta_node.storage.page_ring import NO_DOUBT


def adopt_spare(ring, intact, skipped):
    """At boot: take the page after the newest, or `skipped` further on, where one cannot be read,
    if it is erased, marked and empty, and no power cut may have begun to program it. What a start
    before this one passed over stays so.
    """
    count = ring.index.count
    ring.cursor = (ring.index.newest + min(skipped + ring.passed, count - 2)) % count
    ring.spare = ring.empty = ring.block = -1
    if ring.failed != ring.victim():
        ring.failed = -1
    ring.offered = None
    ring.doubt = NO_DOUBT
    if intact:
        buf = bytearray(pages.SIZE)
        ring.flash.read(ring.victim(), 0, buf)
        if bytes(buf[:2]) == ring.mark and page_chunks.used_end(buf, 2) == 2:
            ring.cursor = ring.spare = ring.victim()


def not_taken(ring, chunk, start, end):
    """The chunk in `chunk[start:end]` did not read back: nothing more is written to its page."""
    block, at = ring.block, ring.at
    ring.close()
    ring.doubt = NO_DOUBT
    if ring.taken < (2 if ring.mark == pages.MARK else 1):
        # There is nothing but a checkpoint of the log: the page is tried again.
        ring.index.forget(block)
        ring.index.newest = ring.index.before(0xFFFFFFFF)
        ring.block = ring.empty = -1
        fail(ring, block)
    else:
        ring.doubt = at, end - start, crc32(memoryview(chunk)[start:end])


def fail(ring, block, needs=0):
    """This page did not take what it should; it is bad when that happens `needs` times more than
    usual.
    """
    ring.failed = block
    ring.needs = needs
    ring.then = ring.attempts.count
    ring.cursor = (block - 1) % ring.index.count


def recheck(ring):
    """Whether the chunk that did not read back does so now: then its page is written on."""
    at, size, crc = ring.doubt
    buf = bytearray(size)
    try:
        ring.flash.read(ring.block, at, buf)
    except OSError:
        return False
    if crc32(buf) != crc:
        return False
    ring.doubt = NO_DOUBT
    ring.at = at + size
    return True


def open_again(ring, block, head):
    """The spare did not take this header, or did not take one before. Whether it does now: what it
    began to take must not be mixed with something else.
    """
    before, ring.offered = ring.offered, None
    if before is not None:
        if _is_like(before, head) and ring.begin(block, before):
            return True
        head = before if _is_like(before, head) else None
    fail(ring, block)
    if head is not None and ring.is_empty(block, len(ring.mark)):
        ring.spare = ring.cursor = block
        ring.offered = head
    return False


def make_spare(ring, block):
    """The page was not erased, or did not take its mark: once more."""
    if ring.empty == block and not ring.is_empty(block, 0):
        ring.empty = -1
    if (ring.empty == block or ring.erase(block)) and ring.give_mark(block):
        return True
    if ring.empty == block and not ring.is_empty(block, 0):
        ring.empty = -1
    if ring.empty != block and not _is_whole(ring, block):
        ring.index.forget(block)
    fail(ring, block)
    return False


def pass_over(ring):
    """The page that failed is bad: the next one is tried."""
    ring.bad_pages += 1
    ring.cursor = ring.failed
    ring.spare = ring.empty = ring.failed = -1
    ring.offered = None
    ring.passed += 1
    ring.refused = ring.wait_ms = 0


def _is_like(head, other):
    """Whether both say the same of records and place."""
    return (
        (head.version, head.channels, head.epoch, head.number)
        == (other.version, other.channels, other.epoch, other.number)
        and (head.slot, head.boot, head.config_hash)
        == (other.slot, other.boot, other.config_hash)
    )  # fmt: skip


def _is_whole(ring, block):
    """Whether a page that could not be erased still has the header that the index knows."""
    try:
        head = ring.index.header(block)
    except OSError:
        return True  # for all we know
    return head is not None and head.seq == ring.index.seqs[block]
