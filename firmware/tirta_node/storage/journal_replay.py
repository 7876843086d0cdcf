# SPDX-License-Identifier: MIT
"""At a start: records that lie in the journal but not yet in the log go into the log.

All that is to be known is read before anything is written. The records belong to the boot and the
config under which they were taken, so they get pages and chunks of those. Needed once, then dropped
from RAM.
"""

import gc

from micropython import const

from tirta_format import page as pages
from tirta_format import page_chunks, record_reader
from tirta_node.storage import log_start
from tirta_node.storage.chunk_writer import ChunkWriter
from tirta_node.storage.packer import Packer
from tirta_node.storage.page_index import UNSTEADY
from tirta_node.storage.ring import MOST, Ring, room

_SHOWN = const(38)  # as in page_rows.py
_MENDED = const(16)  # no kind of a chunk
_RING = const(96)  # records brought into the log at once: a chunk by default, and half of one
_FEW = const(12)  # where there is no memory for so many: a node that starts comes before its wear
_HOLES = const(8)  # that get a note each
_CHUNK_BYTES = const(256)  # no chunk of the journal is longer
_GAP = const(4096)  # slots that nobody sampled, at most, before a chunk that is set right


class _Journal:
    """What lies in it: records from `number` on are wanted. No number from `end` on was ever given,
    as far as it tells. `kept`, `hurt`: by `page_rows.look`.
    """

    def __init__(self, index, log, kept, hurt):
        self.index = index
        number = log.number
        self._begun = log.begun  # the log has this boot: it has all that earlier ones journaled
        self._page = bytearray(pages.SIZE)
        self._hidden = 0  # records at most in damaged stretches behind the last record
        self._hurt = hurt
        self._number = number
        self.end = number
        self.holes = []  # (end, how many records are missing before it)
        self.boot = 0
        self._kept = kept
        self._pages = []  # (sequence, block, its first number), in order
        for block in range(index.count):
            head = self._head(block)
            if head is not None and head.epoch == index.epoch:
                self._pages.append((head.seq, block, head.number))
                self.boot = max(self.boot, head.boot)
        self._pages.sort(key=lambda each: each[0])

    def _head(self, block):
        shown = self._kept[_SHOWN * block : _SHOWN * (block + 1)]
        return pages.header(pages.MARK_JOURNAL + shown, pages.MARK_JOURNAL)

    def look(self, told):
        """Find `end` and `boot`. How many records are here, and how many of them from `told` on."""
        count = behind = 0
        wanted = max(self._number, told)
        self.holes = []
        for _, boot, number, _, _, _ in self.records():
            if number > wanted and len(self.holes) < _HOLES:
                self.holes.append((number, number - wanted))
            self.end = number + 1
            wanted = max(wanted, self.end)
            self.boot = max(self.boot, boot)
            count += 1
            behind += number >= told
        # A record stays in RAM until the log has it, so no more than that is ahead of the log.
        hidden = self._hidden + self._hurt
        self.end = min(self.end + hidden, max(self.end, self._number + MOST))
        return count, behind

    def records(self):
        """Yield (header, boot, number, slot, values, flags) of each wanted record, in order."""
        number = self._number
        view = memoryview(self._page)
        for i, (_, block, _) in enumerate(self._pages):
            begins = self._pages[i + 1][2] if i + 1 < len(self._pages) else 0
            if begins and begins < number:
                continue
            self.index.read(block, self._page)
            head = self._head(block)
            if _differ(self._page[2 : pages.HEADER_SIZE], head.pack()) > 1:
                raise OSError(UNSTEADY)  # one bit of it may be wrong, and set right
            decoder = record_reader.Decoder(head.channels)
            decoder.restart(head.boot, head.number, head.slot)
            chain = True
            self._block, self._damaged = block, set()
            for kind, at, n in self._chunks(head.crc):
                if kind == page_chunks.DAMAGED or (kind == pages.RECORDS and not chain):
                    chain = False
                    self._hidden += page_chunks.most(self._page, at, at + n)
                    continue
                mended = kind == _MENDED
                before = decoder.boot, decoder.number, decoder.slot
                chain = False
                try:
                    for found in decoder.records(view[at : at + n], kind != pages.RECORDS):
                        if mended and not _follows(decoder.boot, found[0], found[1], before):
                            break  # another bit was wrong
                        mended = False
                        chain = True
                        if found[0] >= number and decoder.boot >= self._begun:
                            number = found[0] + 1
                            yield (head, decoder.boot) + found
                except ValueError:
                    chain = False  # no writer wrote that
                self._hidden = 0 if chain else self._hidden + n

    def _reads_whole(self, at, crc):
        """Whether a chunk that seems damaged is whole when it is read again."""
        if at in self._damaged:
            return False
        self._damaged.add(at)
        return page_chunks.again(self.index.flash, self._block, self._page, at, pages.SIZE, crc)

    def _chunks(self, crc):
        """Yield (kind, offset of the payload, length) of each chunk with records, (DAMAGED, offset,
        length) of each stretch between. Here every place is tried, for no other chunk may be lost
        with a damaged one; _MENDED is one in which a single bit was wrong.
        """
        page = self._page
        at = pages.HEADER_SIZE
        while at + pages.CHUNK_OVERHEAD <= pages.SIZE:
            kind, n = page_chunks.chunk_at(page, at, crc)
            if kind <= 0:
                if page_chunks.used_end(page, at) == at:
                    return
                if self._reads_whole(at, crc):
                    continue
                kind, n = _mended(page, at, crc)
            if kind <= 0:
                after = page_chunks.next_chunk(page, at + 1, pages.SIZE, 1, crc)
                end = after if after > 0 else pages.SIZE
                yield page_chunks.DAMAGED, at, end - at
                at = end
                continue
            if kind in (pages.RECORDS, pages.RECORDS_AT, _MENDED):
                yield kind, at + 2, n
            at += n + pages.CHUNK_OVERHEAD


def _differ(one, other):
    """How many bytes of these two differ."""
    return sum([a != b for a, b in zip(one, other)])


def _follows(boot, number, slot, before):
    """Whether a record with this place may be the next one behind that place: of the same boot, no
    more numbers ahead than RAM holds records, and as many slots at least.
    """
    ahead = number - before[1]
    return boot == before[0] and 0 <= ahead <= MOST and 0 <= slot - before[2] - ahead < _GAP


def _mended(page, at, crc):
    """(_MENDED, length) of the chunk that begins here but for one bit, which is set right now; or
    (DAMAGED, 0). That its place follows the one before proves it.
    """
    end = min(page_chunks.used_end(page, at), at + _CHUNK_BYTES)
    if page[at] & page[at + 1] != 0xFF:
        for bit in range(at * 8, end * 8):
            page[bit >> 3] ^= 1 << (bit & 7)
            kind, n = page_chunks.chunk_at(page, at, crc)
            if kind == pages.RECORDS_AT:
                return _MENDED, n
            page[bit >> 3] ^= 1 << (bit & 7)
    return page_chunks.DAMAGED, 0


def look(index, log, kept, hurt):
    """What there is for `into_log` to do, for who compares two readings."""
    journal = _Journal(index, log, kept, hurt)
    return journal.look(log.told) + (journal.end, journal.boot)


def into_log(index, log, counted, config_hash, tried, kept, hurt, known):
    """Write to `log` the records that it lacks, as `look` has `known` them; how many, and how many
    of them are of the (epoch, boot) `tried`, from its number on. Raises OSError when the journal
    cannot be read or is another now, before anything is written, and as the log does.
    """
    journal = _Journal(index, log, kept, hurt)
    count, behind = journal.look(log.told)
    if (count, behind, journal.end, journal.boot) != known:
        raise OSError(UNSTEADY)
    log_start.check(log)
    top = max(log.top, journal.end)
    log.hidden = max(0, log.hidden + top - log.top - behind)
    log.top = top
    boot_found = max(log.boot, journal.boot)
    writer = None
    left = count
    of_tried = 0
    for head, boot, number, slot, values, flags in journal.records() if count else ():
        if writer is None or not writer.takes(head, boot):
            if writer is not None:
                writer.settle()
            log_start.turn(log, head.channels, head.config_hash, boot)
            log_start.count(log, counted if head.config_hash == config_hash else {})
            log_start.begin(log, journal.holes)
            writer = _Writer(log, head, boot, slot)
        writer.put(number, slot, values, flags)
        left -= 1
        of_tried += log.epoch == tried[0] and boot >= tried[1] and number >= tried[2]
    if writer is not None:
        writer.settle()
        log.before_note = None
    log.boot = boot_found
    log.hidden += left  # they were there a moment ago
    return count, of_tried


def _nothing():
    """Nobody waits for what this recorder has to do."""


class _Writer:
    """Brings records of one boot under one config into the log."""

    def __init__(self, log, head, boot, slot):
        self._log = log
        self._head = head
        self._boot = boot
        # There is little room in a start: chunks may be shorter.
        try:
            made = self._made(min(_RING, room(head.channels)))
        except MemoryError:
            gc.collect()
            made = self._made(_FEW)
        self._ring, self._recorder = made
        self._ring.begin(slot)
        self.settle = self._recorder.settle

    def _made(self, records):
        ring = Ring(self._head.channels, records)
        return ring, ChunkWriter(ring, None, self._log, Packer(ring), _nothing)

    def takes(self, head, boot):
        """Whether a record under this header and of this boot belongs to the same run."""
        return head.config_hash == self._head.config_hash and boot == self._boot

    def put(self, number, slot, values, flags):
        """Take one record."""
        log = self._log
        ring = self._ring
        if number != log.number + ring.count():
            self.settle()
            log_start.move(
                log, self._boot, number
            )  # what is missing is told: it is below `log.top`
        if ring.is_full():
            self.settle()
        for i in range(ring.channels):
            ring.values[i] = values[i]
            ring.flags[i] = flags[i]
        ring.push(slot)
