# SPDX-License-Identifier: MIT
"""Which pages log and journal have: their headers, read at a start.

A header whose sequence follows the one before it in the ring can come from nowhere else: it is read
once. A *row* is a run of such pages; where one ends, what seems to lie there is read again. A ring
is *odd* where something lies that no writer leaves: it may be another page, read wrongly.
"""

from micropython import const

from tirta_format import page as pages
from tirta_format import page_chunks
from tirta_node.storage import log_start
from tirta_node.storage.page_index import UNSTEADY
from tirta_node.storage.ring import MOST

_SHOWN = const(38)  # bytes of a header behind its mark
_NO_HEADER = b"\xff" * _SHOWN
_BEHIND = const(8)  # pages behind one of ours that may be bad, before the next one of ours
_LAST = const(0xFFFFFFFF)  # sequence
_CHUNK_BYTES = const(256)  # no chunk of the journal is longer


def scan(index, kept=None):
    """Read every page header; pages of older epochs are as good as empty. Return the newest, or
    None. `kept` gets 38 bytes a page: its header, ones where it is blank, zeros where it shows
    something else. Raises OSError as `Index.header` does: then nothing is known.
    """
    index.newest = -1
    index.begin(0)
    best = None
    follows = -1
    empty = blank = marked = strange = 0
    for block in range(index.count):
        head = index.header(block, follows)
        if kept is not None:
            shown = (
                (_NO_HEADER if index.is_empty else bytes(_SHOWN)) if head is None else head.pack()
            )
            kept[_SHOWN * block : _SHOWN * (block + 1)] = shown
        if head is None:
            empty += 1
            if index.is_empty:
                blank += 1
                marked += index.is_marked
            else:
                strange += 1
            follows = 0 if empty >= _BEHIND else -1
            continue
        empty = 0
        follows = head.seq + 1
        if best is None or head.seq > best.seq:
            best = head
            if index.epoch != head.epoch:
                index.begin(head.epoch)
            index.newest = block
        if head.epoch == index.epoch:
            index.put(block, head)
    is_round = best is not None and best.seq > index.count
    spares = blank if is_round else marked
    most = best is not None  # a writer leaves one behind its pages
    index.is_odd = strange > 0 or spares > most or _has_hole(index)
    return best


def _has_hole(index):
    """Whether a page lies before one that seems to be empty."""
    block = index.newest
    row = 0
    while index.seqs[block] and row < index.count:
        row += 1
        block -= 1
    return any(index.seqs[block - each] for each in range(index.count - row))


def recheck(index):
    """Read those headers again that do not stand in a row, the ends of each among them. Raises
    OSError where one is another now.
    """
    seqs = index.seqs
    empty = 0
    for block in range(index.count):
        before, seq, after = seqs[block - 1], seqs[block], seqs[(block + 1) % index.count]
        empty = 0 if seq else empty + 1
        if after == 0 if empty > _BEHIND else before and before + 1 == seq == after - 1:
            continue
        head = index.header(block)
        if seq != (head.seq if head is not None and head.epoch == index.epoch else 0):
            raise OSError(UNSTEADY)


def look(log, journal, kept, again, epoch):
    """Which pages the log has, or whether it has those that are known `again`, and which the
    journal: of this `epoch` where the log is empty. Whether a ring is odd, or a page of the journal
    seems to be away, and how many records at most are in one that cannot be read. `kept`: as for
    `scan`, of the journal; a header in which one bit was wrong is right there.
    """
    if again:
        recheck(log.index)
    else:
        scan(log.index)
    index = journal.index
    scan(index, kept)
    if index.newest >= 0:
        journal.seq = index.seqs[index.newest]
    epoch = log.index.epoch or epoch
    if index.epoch != epoch:
        index.begin(epoch)
    found = _Pages(index, kept, log_start.is_patient(log))
    newest = index.before(_LAST)
    if newest >= 0 and index.seqs[newest] >= journal.seq:  # its header was set right
        index.newest = newest
        journal.seq = index.seqs[newest]
    is_odd = index.is_odd or log.index.is_odd or log.index.newest < 0 <= index.newest
    return found.is_away or is_odd, found.hurt


class _Pages:
    """The journal's pages, of which `kept` shows the headers."""

    def __init__(self, index, kept, patient):
        self._index = index
        self._kept = kept
        self._patient = patient  # a journal of which no page can be read is not believed
        self._page = bytearray(pages.SIZE)
        self._pages = []  # (sequence, block)
        self.is_away = False  # a page shows nothing, or what lies elsewhere
        strange = []
        for block in range(index.count):
            head = self._head(block)
            at = _SHOWN * block
            if head is None and not any(kept[at : at + _SHOWN]):
                strange.append(block)
                head = self._repaired(block)
                if head is not None:
                    kept[at : at + _SHOWN] = head.pack()
            if head is not None and head.epoch == index.epoch:
                index.put(block, head)  # one that is set right is not to be erased either
                self._pages.append((head.seq, block))
        self.hurt = self._behind(strange)  # records at most in a page that cannot be read

    def _head(self, block):
        shown = self._kept[_SHOWN * block : _SHOWN * (block + 1)]
        return pages.header(pages.MARK_JOURNAL + shown, pages.MARK_JOURNAL)

    def _behind(self, strange):
        index = self._index
        if len({each[0] for each in self._pages}) < len(self._pages):
            self.is_away = True  # one shows what lies elsewhere
            return MOST
        if self._pages:
            newest = max(self._pages)[1]
            block = (newest + 1) % index.count
            hidden = max([0] + [self._hides(each) for each in strange])  # beside a bad one
            if hidden or self._head(block) is not None:
                return hidden
            self.is_away = self._is_away(block)  # a start may have begun it before this one ended
            if not self.is_away:
                return 0
            index.read(newest, self._page)
            is_full = page_chunks.used_end(self._page, 0) > pages.SIZE - 2 * _CHUNK_BYTES
            return MOST if is_full else 0
        hidden = max([0] + [self._hides(each) for each in strange])
        for block in range(index.count):
            if not (block in strange and self._hides(block)):
                if not self._is_away(block):
                    return hidden
                self.is_away = True
        if self._patient:
            raise OSError(UNSTEADY)
        return MOST

    def _hides(self, block):
        """Records at most in this page, which shows something, and no header that can be read."""
        index, page = self._index, self._page
        index.read(block, page)
        late = pages.header(page[1 : pages.HEADER_SIZE + 1], pages.MARK_JOURNAL)  # by a byte
        if late:
            self.is_away = True
            return MOST
        if page_chunks.is_hurt(page, pages.MARK_JOURNAL, index.epoch):
            return page_chunks.most(page, pages.HEADER_SIZE, pages.SIZE)
        return 0

    def _is_away(self, block):
        """Whether this page shows only ones, and takes no zero. One alone may be a bad page."""
        self._index.read(block, self._page)
        if self._head(block) is None and pages.header(self._page, pages.MARK_JOURNAL):
            raise OSError(UNSTEADY)
        blank = page_chunks.used_end(self._page, 0) == 0  # not even marked
        return blank and not log_start.takes(self._index.flash, block)

    def _repaired(self, block):
        """The header of a page in which one bit is wrong, or None."""
        index, page = self._index, self._page
        head = memoryview(page)[: pages.HEADER_SIZE]
        index.flash.read(block, 0, head)
        if head[2:] == _NO_HEADER:
            return None
        index.read(block, page)
        return page_chunks.repaired(page, pages.MARK_JOURNAL)
