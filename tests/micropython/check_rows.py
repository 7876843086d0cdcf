# SPDX-License-Identifier: MIT
"""The two readings of all page headers at a start, on a flash that lies during the first one: what
misled it shows in the second, which reads only where no row of pages stands; and what is odd.
"""

import sys

from lies import ALWAYS, READ, READS, Lie
from lying_flash import LyingFlash
from nor import BLOCK, ERASED, Random

from tirta_format import page as pages
from tirta_node.storage import page_rows
from tirta_node.storage.page_index import UNSTEADY, Index

BLOCKS = 40
NEWEST = 25
EPOCH = 0x1234567
TIMES = 1, 2, 3, 4, 6, 12, 40, 100
# Not those that change cells, or do nothing to a read.
EFFECTS = sorted(name for name in READS if READS[name] is not None and name != "disturb")
SLOW = sys.maxsize < 1 << 32  # the webassembly port
TRIALS = 60 if SLOW else 400  # of a layout


def header(seq, epoch=EPOCH):
    head = pages.Header(3, seq, epoch, 100 * seq, 100 * seq, 1, 7)
    return pages.MARK + head.pack() if seq else ERASED[:40]


class Layout:
    """A ring whose pages have these `seqs`, and `before` them those."""

    def __init__(self, seqs, before, others=(), marked=True):
        self.seqs = seqs
        self.flash = LyingFlash(len(seqs), None, lambda: 0, 1)
        image = self.flash.image
        for block, seq in enumerate(seqs):
            image[block * BLOCK : block * BLOCK + 40] = header(seq)
            self.flash.before[block] = header(before[block]) + ERASED[40:]
        for block in others:
            image[block * BLOCK : block * BLOCK + 40] = header(9999 + block, EPOCH - 1)
        if marked:
            image[(NEWEST + 1) * BLOCK : (NEWEST + 1) * BLOCK + 2] = pages.MARK

    def scanned(self, *lies):
        """What one reading finds under these lies, and a second, without them, bears out."""
        flash = self.flash
        flash.lies = list(lies)
        index = Index(flash, pages.MARK)
        page_rows.scan(index)
        before = list(index.seqs)
        flash.lies = []
        if index.newest >= 0:  # else all is read again, at a start
            page_rows.recheck(index)
        return index, before


def full(gap=0):
    """Once around and on: the page behind the newest is the spare; pages behind `gap` are bad."""
    row = [0] * BLOCKS
    at = NEWEST
    for seq in range(900, 900 - BLOCKS + 1, -1):
        row[at] = seq
        at = (at - 1) % BLOCKS
        if gap and seq % gap == 0 and at != NEWEST + 1:
            at = (at - 1) % BLOCKS
        if row[at] or at == NEWEST + 1:
            break
    return Layout(row, [seq - BLOCKS + 1 if seq else 900 - BLOCKS + 1 for seq in row])


def young(others=()):
    row = [block + 1 if block <= NEWEST else 0 for block in range(BLOCKS)]
    return Layout(row, [0] * BLOCKS, others)


def misled(layout, seed):
    """Trials of a layout: how many first readings were misled; each of them must show."""
    random = Random(seed)
    found = 0
    for _ in range(TRIALS):
        effect = EFFECTS[random.next() % len(EFFECTS)]
        times = TIMES[random.next() % len(TIMES)]
        first = 1 + random.next() % (BLOCKS + 8)
        scope = "block" if random.next() % 4 == 0 else "all"
        lie = Lie(READ, effect, first, times, scope=scope)
        lie.odds = 1 + random.next() % 3
        try:
            index, before = layout.scanned(lie)
        except OSError:
            found += 1
            continue
        if index.newest < 0:
            continue
        assert before == layout.seqs, "%s from %d %d times: %r" % (effect, first, times, before)
    return found


def test_a_full_ring_is_read_once():
    layout = full()
    index, before = layout.scanned()
    assert before == layout.seqs
    assert (index.newest, index.epoch) == (NEWEST, EPOCH)
    # Twice: the first page, the spare, and the oldest; then the newest, spare and oldest again.
    assert layout.flash.counts[READ] == BLOCKS + 3 + 4


def test_a_young_ring_is_read_once():
    layout = young()
    index, before = layout.scanned()
    assert before == layout.seqs
    assert index.newest == NEWEST
    # Twice: the first page, and eight behind the newest; then these, the newest, last and first.
    assert layout.flash.counts[READ] == BLOCKS + 1 + 8 + 2 * 8 + 1 + 2 + 1


def test_pages_of_another_epoch_are_as_good_as_empty():
    layout = young(others=(31, 32, 33))
    for block in (31, 32, 33):  # older than the newest of ours: it is read behind them
        at = block * BLOCK
        layout.flash.image[at : at + 40] = header(block - 30, EPOCH - 1)
    index, before = layout.scanned()
    assert before == layout.seqs
    assert index.epoch == EPOCH


def test_a_lie_during_the_first_reading_of_a_full_ring_shows():
    assert misled(full(), 11) >= TRIALS // 8


def test_a_lie_during_the_first_reading_of_a_young_ring_shows():
    assert misled(young(), 12) >= TRIALS // 8


def test_a_lie_shows_beside_bad_pages():
    assert misled(full(gap=6), 13) >= TRIALS // 8


def test_what_was_true_and_is_not_now_ends_the_start():
    for block in (NEWEST, NEWEST + 1, NEWEST + 2):
        layout = full()
        index = Index(layout.flash, pages.MARK)
        page_rows.scan(index)
        layout.flash.image[block * BLOCK : block * BLOCK + 40] = header(901)
        raised = ""
        try:
            page_rows.recheck(index)
        except OSError as error:
            raised = str(error)
        assert raised == UNSTEADY, block


def test_a_page_that_follows_in_another_epoch_is_read_twice():
    layout = young()
    at = (NEWEST + 1) * BLOCK
    layout.flash.image[at : at + 40] = header(NEWEST + 2, EPOCH + 1)
    index = Index(layout.flash, pages.MARK)
    page_rows.scan(index)
    assert (index.newest, index.epoch) == (NEWEST + 1, EPOCH + 1)
    assert list(index.seqs) == [0] * (NEWEST + 1) + [NEWEST + 2] + [0] * (BLOCKS - NEWEST - 2)


def is_odd(layout, scope=None, effect="foreign"):
    """Whether a ring is odd, or shows so while reads of the blocks in `scope` go wrong."""
    if scope is not None:
        layout.flash.lies = [Lie(READ, effect, 1, ALWAYS, scope=scope)]
    index = Index(layout.flash, pages.MARK)
    try:
        page_rows.scan(index)
    except OSError:
        return True
    return index.is_odd


def test_what_a_writer_leaves_is_not_odd():
    assert not is_odd(full())
    assert not is_odd(young())
    assert not is_odd(Layout([0] * BLOCKS, [0] * BLOCKS, marked=False))


def test_a_page_that_shows_something_and_no_header_is_odd():
    for block in range(BLOCKS):
        assert is_odd(full(), (block,)), block
        assert is_odd(young(), (block,)), block


def test_a_page_before_one_that_shows_nothing_is_odd():
    for block in range(1, NEWEST):  # the first and the newest may be the ends of a row
        assert is_odd(young(), (block,), "ones"), block
    for block in range(BLOCKS):
        if block != NEWEST + 1:
            assert is_odd(full(), (block,), "ones"), block


def test_a_mark_where_no_page_is_found_is_odd():
    assert is_odd(Layout([0] * BLOCKS, [0] * BLOCKS))
