# SPDX-License-Identifier: MIT
"""Where a log goes on after a start: the head, found by reading, and by nothing else.

Every page header is read (no binary search: bad pages would break it), then the newest pages.
Numbers never go back: what a damaged stretch may have held counts as given. A power cut leaves such
stretches too; nothing tells them from records that were acknowledged and hurt later. Records are
not decoded: their chunks tell how many there are, and the sums of what is counted.
"""

import struct
from binascii import crc32

from micropython import const

from tirta_format import meta, meta_reader, page_chunks, varint
from tirta_format import page as pages
from tirta_node import unload
from tirta_node.storage import log_start
from tirta_node.storage.page_index import UNSTEADY
from tirta_node.storage.page_ring import PART

PLACED = (pages.PACKED_AT, pages.SUMMED_AT)
PACKED = (pages.PACKED, pages.SUMMED) + PLACED
_LEAST_CHUNK = const(8)  # bytes of a chunk with records
_STEP = const(64)  # bytes between places where a start behind a cut may go on
_LEAST_BOOT = const(64)  # bytes of the notes of a boot
_NEARLY = const(1024)  # bytes: no page with more of them left is full
_NO_HEADER = b"\xff" * pages.HEADER_SIZE
_PROOFS = const(4)
_BLANK = b"\xff" * page_chunks.ALIGN
_UNREADABLE = "none of its pages can be read"


class Head:
    """`resume`: where in the newest page the next chunk goes, 0 = open a page."""

    def __init__(self):
        self.epoch = 0  # 0 = draw one
        self.seq = 0
        self.boot = 0
        self.number = 0  # behind the last record that is known
        self.top = 0  # no number from here on was ever given
        self.hidden = 0  # records at most that are missing below it, and that no note tells of
        self.resume = 0
        self.skipped = 0  # pages behind it that are the only word of what they hold: not erased
        self.idle = 0  # bytes before it, in the newest page, that hold no records and follow them
        self.config_hash = 0
        self.channels = 0
        self.version = 0
        self.totals = {}
        self.pulled = 0
        self.lost = 0
        self.gone = 0  # records below this are known to be overwritten
        self.page_crc = 0  # of the newest page
        self.end_at = 0  # of the last whole chunk in it,
        self.behind = 0  # and of the last with records
        self.checked = False  # the newest page has a checkpoint
        self.begun = False  # the newest page has records or a boot: its config was logged before
        self.stopped = False  # the last boot ended in order
        self.told = 0  # what is missing below this is noted
        self.begun_boot = 0  # the newest of which there is a word
        self.is_away = False  # a page shows nothing, or what lies elsewhere
        self.is_damaged = False  # something is no whole chunk
        self._first = -1  # first number of a page that was begun before the one before it ended,
        self._sums = None  # and what its checkpoint says: (totals, pulled, lost)
        self._gap = 0  # records at most in the damaged stretches since the last known place
        self._doubtful = 0  # as many of them at most are in `number`,
        self._doubt = 0  # and in `hidden`
        self._boots = 0  # boots at most in them
        self._placed = 0  # the newest boot of which there are records, or a page for them,
        self._began = 0  # and the number of the first of them
        self._names = []  # of the totals, in the order of the checkpoint
        self._start_unix_ms = 0  # of the last boot
        self._uptime_ms = 0  # of the last that it wrote

    def end_unix_ms(self):
        """Unix time in ms of the last that was written, or 0."""
        return self._start_unix_ms + self._uptime_ms if self._start_unix_ms else 0

    def take_meta(self, payload):
        """What a meta record tells."""
        kind, uptime_ms, fields = meta_reader.parse(payload)
        self.stopped = kind == meta.STOP
        if kind == meta.BOOT:
            self._name_boot(fields["boot"])
            self.begun = True
            self._start_unix_ms = 0
        elif kind == meta.CHECKPOINT:
            self.checked = True
            totals = dict(fields["totals"])
            self._names = [name for name, _ in fields["totals"]]
            if self._first >= 0:
                self._sums = dict(totals), fields["pulled"], fields["lost"] - self.lost
                totals.update(self.totals)
            else:
                self.pulled = fields["pulled"]
                self.lost = fields["lost"]
            self.totals = totals
            self.top = max(self.top, self.pulled)
        elif kind == meta.LOSS:
            self.lost += fields["at_most"]
            if fields["reason"] == meta.LOSS_OVERWRITTEN:
                self.gone = fields["number"]
            elif fields["reason"] in (meta.LOSS_FLASH, meta.LOSS_TORN):
                self.told = max(self.told, fields["number"])
                self.top = max(self.top, self.told)
                self.hidden = self._doubt = 0
        elif kind == meta.ANCHOR:
            self._start_unix_ms = fields["unix_ms"] - uptime_ms
        if kind != meta.CONFIG:
            self._uptime_ms = uptime_ms  # a config may be a copy of an older one

    def take_boot(self, payload):
        """A boot record that no reader sees."""
        self._name_boot(meta_reader.parse(payload)[2]["boot"])

    def take_records(self, payload, kind):
        """What the front of a chunk of compressed records tells."""
        placed = kind in PLACED
        at, end = 0, len(payload)
        if placed:
            boot, at = varint.get(payload, at, end)
            number, at = varint.get(payload, at, end)
            _, at = varint.get(payload, at, end)
            if self._first >= 0 and number < self.number:
                self._begin_page()
            self._place(boot, number)
        else:
            if self._first >= 0:
                self._begin_page()
            self.hidden += self._gap  # this chunk has lost its place
            self._doubt += self._gap
            self.number += self._gap
            self._doubtful += self._gap
            self._gap = 0
        count = payload[at]
        at += 1
        summed = kind in (pages.SUMMED, pages.SUMMED_AT)
        if self.version == pages.OLDEST:
            summed = count >= pages.SUMS_OLDEST
            count &= pages.MOST_OLDEST
        self.number += count
        self.top = max(self.top, self.number)
        self.begun = True
        self.stopped = False
        self._first = -1
        if summed:
            how_many = payload[at]
            at += 1
            for _ in range(how_many):
                place = payload[at]
                total, at = varint.get(payload, at + 1, end)
                if place < len(self._names):
                    self.totals[self._names[place]] += varint.unzigzag(total)

    def take_header(self, header):
        """What the header of a page tells, read in the order of their sequence."""
        least = self.number - self._doubtful
        self._first = header.number if header.number < least else -1
        self._sums = None
        if self.epoch:
            self._place(header.boot, max(header.number, least))
        else:
            self.number = self._began = header.number
            self.boot = self.begun_boot = self._placed = header.boot
        self.top = max(self.top, self.number)
        self.checked = self.begun = self.stopped = False
        self.seq = header.seq
        self.epoch = header.epoch
        self.config_hash = header.config_hash
        self.channels = header.channels
        self.version = header.version
        self.page_crc = header.crc
        self._start_unix_ms = header.unix_ms

    def take_damage(self, records, boots):
        """A stretch may have held so many."""
        self.is_damaged = True
        self._gap += records
        self._boots += boots
        self.top = max(self.top, self.number + self._gap)
        self.stopped = False

    def take_lost(self, before):
        """The records from this number on are in a page that no reader opens."""
        self.hidden += max(0, self.number - before)

    def end(self):
        """All is read."""
        self.boot += self._boots
        self.hidden += max(0, self.top - max(self.number, self.told))

    def left_by(self, boot, number):
        """How many records there are of this boot, from this number on."""
        return max(0, self.number - max(self._began, number)) if self._placed >= boot else 0

    def mark(self):
        """What two readings of one log must agree on."""
        known = self.epoch, self.seq, self.boot, self.number, self.top, self.hidden, self.resume
        told = self.pulled, self.lost, self.gone, self.page_crc, self.stopped, self.told
        return known + told + (self.begun_boot, sorted(self.totals.items()))

    def _place(self, boot, number):
        """The next record is of this boot and has this number: it was a bound before."""
        self.hidden = max(0, self.hidden - self._doubt)
        self.number -= self._doubtful
        self._doubtful = self._doubt = 0
        self.hidden += max(0, number - max(self.number, self.told))
        self.number = number
        self._gap = 0
        self._name_boot(boot)
        if boot > self._placed:
            self._placed = boot
            self._began = number

    def _begin_page(self):
        """A page was begun before the one before it ended, for it did not show, and that one was
        written on; or because that one did not show its last records: this has them once more.
        """
        self.number = self._first
        self._doubtful = 0
        if self._sums:
            self.totals, self.pulled, lost = self._sums
            self.lost += lost

    def _name_boot(self, boot):
        self._boots = 0
        self.begun_boot = max(self.begun_boot, boot)
        self.boot = max(self.boot, boot)


def find(flash, index, patient):
    """The Head of the log on `flash`, of whose pages `index` knows. Raises OSError when the flash
    errs; and while somebody is `patient`, when there are pages and none can be read.
    """
    found = Head()
    if index.newest < 0:
        _prove(index, patient)
        return found
    page = bytearray(pages.SIZE)
    found.is_away = _part(index, page)
    block = _first(index, page)
    while block >= 0:
        index.read(block, page)
        header = pages.header(page)
        if header is None or header.seq != index.seqs[block]:
            raise OSError(UNSTEADY)
        found.take_header(header)
        page_chunks.settle(flash, block, page, header.crc)
        _read(page, header.crc, found)
        block = index.after(header.seq + 1)
    is_full = found.end_at > pages.SIZE - _NEARLY
    _resume(page, found)
    block = index.newest
    for _ in range(index.count - 1):
        block = (block + 1) % index.count
        if not _hides(index, block, page, found, is_full):
            break
        is_full = False
    if index.is_odd:
        _find_farther(index, page, found)
    found.end()
    return found


def _find_farther(index, page, found):
    """Take in pages that came later and show no header, for a bit of it is wrong, behind others
    that were passed over.
    """
    head = bytearray(pages.HEADER_SIZE)
    for block in range(index.count):
        if index.seqs[block]:
            continue
        index.flash.read(block, 0, head)
        if head[2:] == _NO_HEADER[2:]:
            continue
        index.read(block, page)
        header = page_chunks.repaired(page, pages.MARK)
        if header and header.epoch == found.epoch and header.seq > found.seq:
            found.seq = header.seq - 1
            _read_headless(page, found)
            found.skipped = (block - index.newest) % index.count


def _hides(index, block, page, found, is_full):
    """Take in a page behind the newest one that does not show its header, or shows nothing; False
    where there is none. `is_full`: the page before it is.
    """
    index.read(block, page)
    header = pages.header(page)
    if header is not None:
        # A header alone, that of the newest page: it was programmed here as well; or one of the
        # journal, as Index.header has it.
        is_alone = page_chunks.used_end(page, 0) == pages.HEADER_SIZE
        is_stray = (is_alone and header.seq == found.seq) or index.is_astray(header, page)
        if header.seq > found.seq and not is_stray:
            raise OSError(UNSTEADY)
        if header.seq == index.seqs[block] or header.epoch != found.epoch or is_stray:
            return False
    elif index.seqs[block]:
        return False  # an older one, of whose header a cell reads as either
    is_hidden = header is not None  # what lies elsewhere, and nothing of this page
    if page_chunks.used_end(page, 2) == 2:
        is_blank = page[:2] == _NO_HEADER[:2]
        is_hidden = is_full and is_blank and not log_start.takes(index.flash, block)
        if not is_hidden:
            return False
    late = pages.header(page[1 : pages.HEADER_SIZE + 1])  # by a byte
    if is_hidden or late or not any(page):
        page[:] = bytes(pages.SIZE)
        found.is_away = True
        found.skipped += int(is_full)
    elif header is None and _is_older(index, block, page, found):
        return False
    return _read_headless(page, found)


def _is_older(index, block, page, found):
    """Whether a page behind the newest one, of whose header bits are wrong, is the oldest of a ring
    that has come round: its header tells when one bit is set right there, or its sequence is nearer
    to the one before the next page's.
    """
    header = page_chunks.repaired(page, pages.MARK)
    if header:
        return header.epoch == found.epoch and header.seq <= found.seq
    after = index.seqs[(block + 1) % index.count]
    if not after:
        return False
    has = struct.unpack_from("<I", page, 4)[0]
    return page_chunks.differ(has, after - 1) < page_chunks.differ(has, found.seq + 1)


def _part(index, page):
    """Where two pages have one sequence, forget the one that holds less: it shows what lies
    elsewhere, or a header was programmed there as well. Whether there are such.
    """
    found = False
    seen = bytearray(index.count)
    for seq in index.seqs:
        if seq:
            seen[seq % index.count] += 1
    if max(seen) < 2:
        return False
    for block in range(index.count):
        other = index.after(index.seqs[block]) if index.seqs[block] else block
        if other != block:
            index.read(block, page)
            end = page_chunks.used_end(page, 0)
            index.read(other, page)
            less = other if page_chunks.used_end(page, 0) < end else block
            index.forget(less)
            if index.newest == less:
                index.newest = other + block - less
            found = True
    return found


def _doubt(index):
    """Raises OSError where more than the header of a page was written: a log lies there, whatever
    the flash shows of it now.
    """
    page = bytearray(pages.SIZE)
    for block in range(index.count):
        index.read(block, page)
        if page_chunks.used_end(page, 0) > pages.HEADER_SIZE:
            raise OSError(_UNREADABLE)


def _prove(index, patient):
    """The log seems to hold nothing. Raises OSError unless the flash shows what is programmed: the
    mark of a page can do no harm to one that only seems to be erased.
    """
    head = bytearray(pages.HEADER_SIZE)
    first = b""
    tries = 0
    varied = False
    for block in range(index.count):
        index.flash.read(block, 0, head)
        if _is_marked(head):  # an earlier start programmed that, and it shows
            if tries and patient:  # but what lies before it does not show what is programmed
                raise OSError(UNSTEADY)
            break
        if _may_be_marked(head) and tries < _PROOFS:
            if _shows(index.flash, block, head):
                break
            tries += 1
        first = first or bytes(head)
        varied = varied or head != first
    else:
        if tries or not varied:  # no flash holds the same everywhere
            raise OSError(UNSTEADY)
    if unload.call("tirta_node.storage.page_rows", "scan", index) is not None:
        raise OSError(UNSTEADY)
    if patient:
        _doubt(index)


def _shows(flash, block, head):
    """Whether a mark that is programmed there is there."""
    try:
        flash.program(block, 0, pages.MARK)
    except OSError:
        pass  # it may be there all the same
    flash.read(block, 0, head)
    return _is_marked(head)


def _may_be_marked(head):
    """Whether it shows nothing, or a part of a mark: a program of it may have failed halfway."""
    rest = zip(head, pages.MARK)
    return head[2:] == _NO_HEADER[2:] and all(has & bits == bits for has, bits in rest)


def _is_marked(head):
    """Whether a page begins like one that is erased, marked, and waits."""
    return head[:2] == pages.MARK and head[2:] == _NO_HEADER[2:]


def _read_headless(page, found):
    """Where the header of the newest page was damaged, its chunks still tell how many records it
    held: those numbers are taken. False when this is no such page.
    """
    for page_crc in (struct.unpack_from("<I", page, 36)[0], crc32(memoryview(page)[2:36])):
        # Any whole chunk, for the first ones may be damaged too.
        if page_chunks.next_chunk(page, pages.HEADER_SIZE, pages.SIZE, 1, page_crc) >= 0:
            before = found.number = found.top
            found._doubtful = found._doubt = 0
            _read(page, page_crc, found)
            found.take_lost(before)
            found.skipped += 1
            break
    else:
        if not page_chunks.is_hurt(page, pages.MARK, found.epoch, found.seq, found.top):
            return False
        _guess(page, pages.HEADER_SIZE, pages.SIZE, 0, found)
        # A header that a cut has torn holds nothing, and has nothing behind it.
        end = page_chunks.used_end(page, pages.HEADER_SIZE)
        found.skipped += int(any(page) and end > pages.HEADER_SIZE)
    found.seq += 1
    found.resume = 0
    return True


def _first(index, page):
    """The page before the newest one that has a checkpoint: a start may have left its end without
    a word, and begun the next.
    """
    block = index.newest
    while True:
        index.read(block, page)
        before = index.before(index.seqs[block])
        if before < 0:
            return block
        header = pages.header(page)
        for kind, at, _ in page_chunks.chunks(page, header.crc) if header else ():
            if kind == pages.META and page[at] == meta.CHECKPOINT:
                return before
        block = before


def _read(page, page_crc, found):
    """Take in the chunks of a page."""
    found.end_at = found.behind = pages.HEADER_SIZE
    view = memoryview(page)
    for kind, at, n in page_chunks.chunks(page, page_crc):
        payload = view[at : at + n]
        if kind == page_chunks.DAMAGED:
            _look_into(page, at, at + n, page_crc, found)
            continue
        found.end_at = at + n + pages.CHUNK_OVERHEAD - 2
        try:
            if kind in PACKED:
                found.behind = found.end_at
                found.take_records(payload, kind)
            elif kind == pages.META:
                found.take_meta(payload)
        except (ValueError, IndexError):  # the CRC is right by chance: no writer wrote that
            found.take_damage(pages.MOST_RECORDS, 1)


def _look_into(page, at, end, page_crc, found):
    """A damaged stretch may still hold whole chunks, where no reader looks for them; after a power
    cut it never does.
    """
    start = at
    while True:
        at = page_chunks.next_chunk(page, at + 1, end, 1, page_crc)
        if at < 0:
            _guess(page, start, end, page_crc, found)
            return
        _guess(page, start, at, page_crc, found)
        kind, n = page_chunks.chunk_at(page, at, page_crc)
        if kind in PACKED:
            before = found.number
            found.take_records(memoryview(page)[at + 2 : at + 2 + n], kind)
            found.take_lost(max(before, found.number - pages.MOST_RECORDS))
        elif kind == pages.META and page[at + 2] == meta.BOOT:
            found.take_boot(memoryview(page)[at + 2 : at + 2 + n])
        start = at + n + pages.CHUNK_OVERHEAD
        at = start - 1


def _guess(page, start, end, page_crc, found):
    """What `page[start:end]` held at most, where no chunk is whole. A run of erased bytes as long
    as a step between chunks is no part of one.
    """
    while start < end:
        while start < end and page[start] == 0xFF:
            start += 1
        stop = page.find(_BLANK, start, end)
        stop = end if stop < 0 else stop
        size = stop - start
        if size >= _LEAST_CHUNK:
            kind = _only(page, start, stop, page_crc)
            if kind == pages.META:
                found.take_damage(0, 1)
            elif kind:
                found.take_damage(pages.MOST_RECORDS, 0)
            else:
                most = (size + _LEAST_CHUNK - 1) // _LEAST_CHUNK * pages.MOST_RECORDS
                found.take_damage(most, size // _LEAST_BOOT + 1)
        elif size:
            found.take_damage(0, 0)
        start = stop


def _only(page, start, stop, page_crc):
    """The kind of the one chunk that page[start:stop] is, torn or hurt; 0 when it may be several:
    one bit more or less in its length, and others follow to the end.
    """
    kind, end = _word(page, start)
    if end < stop:
        return 0
    for bit in range(16):
        mask = 1 << (bit & 7)
        page[start + (bit >> 3)] ^= mask
        whole = page_chunks.chunk_at(page, start, page_crc)[0] > 0
        other, first = follows, end = _word(page, start)
        while follows and end < stop:
            follows, end = _word(page, end)
        page[start + (bit >> 3)] ^= mask
        if whole:  # that bit was hurt
            return other if first >= stop else 0
        if follows and first < stop and end == stop:
            return 0
    return kind


def _word(page, at):
    """(kind, end) of the chunk that the word at `at` claims; kind 0 for none of ours."""
    if at + 2 > pages.SIZE:
        return 0, 0
    word = page[at] | page[at + 1] << 8
    kind = word >> 12
    end = at + (word & 0xFFF) + pages.CHUNK_OVERHEAD
    known = pages.META <= kind <= pages.SUMMED_AT and end <= pages.SIZE
    return (kind, end) if known else (0, 0)


def _resume(page, found):
    end = found.end_at
    used = page_chunks.used_end(page, end)
    if used > end or not found.stopped:
        # Cells that a cut program reached may read as erased today, and not tomorrow. The place is
        # that of another start that was cut, or the checkpoint with which both begin is behind it.
        end = min(pages.SIZE, (used + PART + page_chunks.ALIGN + _STEP - 1) // _STEP * _STEP)
        found.stopped = False
    found.resume = end
    found.idle = end - found.behind
