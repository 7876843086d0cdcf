# SPDX-License-Identifier: MIT
"""The log: pages on flash, one chunk after the other (FORMAT.md 2 to 5).

A chunk is one program, read back before it counts. A *note* is a meta record, written at once.
Records come from the recorder, which `before_note` asks to write what it holds back, so that notes
stand where they belong. Every loss is a note and a number in `lost`. Nothing is written before
`find` has found the end.
"""

import struct

from micropython import const

from tirta_format import meta
from tirta_format import page as pages
from tirta_node import rarely
from tirta_node.flashring import FlashRing, Works
from tirta_node.index import Index

_NOTE_BYTES = meta.CONFIG_PART + 64
_EPOCHS = const(0xFFFFFFFF)
_TOTALS = const(24)  # more of them, and those that the config does not name are given up
_NO_PAGE = "no page of the log can be written: the flash is worn out or damaged"
_NOT_FOUND = "the end of the log is not found yet"
_NUMBERS = const(0xFFFE0000)  # of an epoch: the rest is for what damage may hide


class Log:
    """`counted` maps the indexes of the channels whose totals are kept to their names; `slot` says
    where the next record belongs.
    """

    def __init__(self, flash, clock, works=None):
        self.index = Index(flash, pages.MARK)
        self.flash = flash
        self.channels = 0
        self.counted = {}
        self.slot = 0
        self.version = pages.VERSION  # of the pages to be begun; the application before this one
        self.page_version = 0  # may have to read them, and that of the page being written
        self.before_note = None
        self.page_slot = -1  # where the page begun last expects its first record; -1 = not fresh
        self.works = works or Works()
        self.is_kept = False  # the keeper is at work: a note is part of that
        self._pages = FlashRing(self.index, pages.MARK, self.works, clock, _NO_PAGE)
        self._clock = clock
        self._note = bytearray(_NOTE_BYTES)
        self.config_hash = 0
        self.epoch = 0
        self.boot = 0
        self.seq = 0
        self.number = 0  # of the next record
        self.top = 0  # no number from here on was ever given
        self.totals = {}
        self.pulled = 0
        self.lost = 0
        self.is_found = False
        self.told = 0  # what is missing below this is noted
        self.hidden = 0  # records at most that damage hides, not noted yet
        self._reason = meta.LOSS_TORN  # why they are missing
        self._gone = 0  # records below this were overwritten, and that is noted
        self._left = -1  # the page that may be erased: what it takes away is noted
        self._checked = True  # the page being written has a checkpoint with every total
        self._resumed = False  # the page being written is of an earlier start
        self._opening = False
        self._carried = []  # what erased pages held and others need, not written yet

    def oldest_number(self):
        """Number of the oldest record on flash."""
        block = self.index.after(1)
        return self.index.number(block) if block >= 0 else self.number

    def end(self):
        """(sequence of the page being written, end of its chunks)."""
        return self.seq, min(self._pages.at, pages.SIZE)

    def bad_pages(self):
        """Pages that could not be erased or programmed since the start."""
        return self._pages.bad_pages

    def find(self, random_u32):
        """Find the head of the log, or begin one; return what `recover.find` found. Only reads.
        Raises OSError when the flash cannot be read: then nothing is known.
        """
        self.is_found = False
        self.before_note = None
        found = rarely.call("tirta_node.recover", "find", self.flash, self.index)
        self.epoch = found.epoch or random_u32 % _EPOCHS + 1
        if self.epoch != self.index.epoch:
            self.index.begin(self.epoch)
        self.seq = found.seq
        self.boot = found.boot
        self.number = found.number
        self.top = found.top
        self.pulled = found.pulled
        self.lost = found.lost
        self.hidden = found.hidden
        self.told = found.told
        self._reason = meta.LOSS_TORN
        self._gone = found.gone
        self.totals = found.totals
        self.channels = self.config_hash = 0
        self._left = -1
        self._checked = True
        self._opening = False
        self._pages.adopt_spare(found.stopped)
        if found.resume:
            self._pages.resume(self.index.newest, found.resume, found.page_crc)
            self.page_version = found.version
            self.close_other()
            self.config_hash = found.config_hash
            self.channels = found.channels
            self._checked = found.checked
        self._resumed = found.resume > 0
        self.is_found = True
        return found

    def begin_epoch(self, random_u32):
        """Numbers have come to their end: they begin anew. What no laptop has is out of reach."""
        self.hidden += max(0, self.top - max(self.pulled, self.oldest_number()))
        self._reason = meta.LOSS_OVERWRITTEN
        epoch = random_u32 % _EPOCHS + 1
        self.epoch = epoch if epoch != self.epoch else epoch % _EPOCHS + 1
        self.index.begin(self.epoch)
        self._pages.close()
        self.number = self.top = self.pulled = self.boot = self._gone = 0
        self.config_hash = 0
        self._resumed = False

    def ends(self):
        """Whether an epoch has no numbers left."""
        return max(self.number, self.top) >= _NUMBERS

    def resume(self):
        """Once, before a start writes anything: what an erase takes away is to be on flash before
        it, and now the page has room for that.
        """
        if self._resumed and not self._pages.spare_ready():
            self._leave(self._pages.victim())
        self._resumed = False

    def close_other(self):
        """Write no more into a page of another version. No chunk may be under construction."""
        if self.page_version != self.version:
            self._pages.close()

    def turn(self, channels, config_hash, boot):
        """Records are of this boot and config from now on; another config needs another page."""
        if config_hash != self.config_hash or channels != self.channels:
            self._pages.close()
        self.channels = channels
        self.config_hash = config_hash
        self.move(boot, self.number)

    def move(self, boot, number):
        """The next record is of this boot and has this number, whatever the page's header says."""
        self.boot = boot
        self.number = number
        self.page_slot = -1

    def use(self, channels, counted, config_hash):
        """A boot begins, under this config, behind every number that was given; True when its text
        is to be logged.
        """
        same = config_hash == self.config_hash and self._pages.block >= 0
        self.turn(channels, config_hash, self.boot + 1)
        self.number = self.top = max(self.number, self.top)
        self.count(counted)
        if not same and len(self.totals) > _TOTALS:
            self.totals = {name: self.totals[name] for name in counted.values()}
        return not same

    def begin(self):
        """Write what stands before the notes of a boot, or before what the journal brings."""
        self.resume()
        self.check()
        if self.hidden:
            self.note_loss(self._reason, self.hidden, 0, max(self.number, self.top))
            self.hidden = 0

    def count(self, counted):
        """Keep totals of these channels: names by index."""
        self.counted = counted
        for name in counted.values():
            if name not in self.totals:
                self.totals[name] = 0
                self._checked = False  # a chunk names a total by its place in the checkpoint

    def check(self):
        """A checkpoint into the page being written, if it has none that names every total."""
        if not self._checked and self._pages.room() >= 0:
            self.checkpoint()
            self._checked = True

    def log_config(self, text):
        """Put the text of the config in force into the log."""
        for offset in range(0, len(text), meta.CONFIG_PART):
            uptime_ms = self._clock.uptime_ms()
            self.note(meta.config(uptime_ms, self.config_hash, text, offset))

    def room(self):
        """Payload bytes of the largest chunk that the page being written still takes."""
        return self._pages.room()

    def crc_low(self):
        """Low half of the CRC from which that of a chunk goes on."""
        return self._pages.crc_low

    def crc_high(self):
        """Its high half."""
        return self._pages.crc_high

    def append(self, chunk, start, end):
        """Write the finished chunk in `chunk[start:end]`; False when the page did not take it."""
        self.page_slot = -1
        return self._pages.append(chunk, start, end)

    def doubt(self):
        """The chunk that `append` did not read back, for `recheck`."""
        return self._pages.doubt

    def recheck(self, doubt):
        """Whether that chunk is there after all: then it counts."""
        return self._pages.recheck(doubt)

    def hurry(self):
        """Somebody waits: what was refused is tried at once."""
        self._pages.hurry()

    def note(self, payload):
        """Write one meta record at once. Raises OSError when no page can be written."""
        if not self.is_found:
            raise OSError(_NOT_FOUND)
        if self._opening:
            self._write_note(payload)
            return
        if not self.is_kept:
            self.works.renew()
        if self.before_note is not None:
            self.before_note()
        self._write_note(payload)

    def _write_note(self, payload):
        if len(payload) + pages.CHUNK_OVERHEAD > len(self._note):
            self._note = bytearray(len(payload) + pages.CHUNK_OVERHEAD)
        while True:
            if self._pages.room() >= len(payload):
                self._note[2 : 2 + len(payload)] = payload
                crc = self._pages.page_crc
                size = pages.finish_chunk(self._note, pages.META, len(payload), crc)
                if self._pages.append(self._note, 0, size):
                    return
            self.open_page()

    def keep_pulled(self, number):
        """A laptop has every record below `number`: durable when this returns. Raises OSError."""
        if number > self.pulled:
            before, self.pulled = self.pulled, number
            try:
                self.checkpoint()
            except OSError:
                self.pulled = before
                raise

    def checkpoint(self):
        """Note totals, losses, and what a laptop has."""
        if self.before_note is not None and self.is_found:
            self.before_note()  # or the totals would lack what comes before them
        self.note(self._checkpoint())

    def _checkpoint(self):
        totals = [(name, self.totals[name]) for name in sorted(self.totals)]
        return meta.checkpoint(self._clock.uptime_ms(), self.pulled, self.lost, totals)

    def note_loss(self, reason, at_most, duration_ms, before=None):
        """Records are missing before number `before` (the next one): say so, and count them."""
        number = self.number if before is None else before
        uptime_ms = self._clock.uptime_ms()
        self.note(meta.loss(uptime_ms, reason, number, at_most, duration_ms))
        self.lost += at_most  # now: a checkpoint before the note would count it twice

    def is_ahead(self):
        """Whether the next page is ready."""
        return self._pages.spare_ready()

    def erase_ahead(self):
        """Make the next page ready if it is not: one erase, for when there is time. True if so.
        Raises OSError when that is refused, not while it is too early to try again.
        """
        ring = self._pages
        if ring.spare_ready() or ring.is_waiting():
            return False
        ring.attempt()
        victim = ring.victim()
        if victim != self._left:
            self._leave(victim)
        if victim == self._left and not ring.make_spare():  # else a page was opened meanwhile
            ring.refuse()
        return True

    def open_page(self):
        """Go on in a new page. Raises OSError when none can be written, and then at once until it
        is time to try again.
        """
        ring = self._pages
        opening, self._opening = self._opening, True
        try:
            ring.attempt()
            while True:
                if not ring.spare_ready():
                    victim = ring.victim()
                    if victim != self._left:
                        self._carried.append(self._leaving(victim))
                        self._left = victim
                    if not ring.make_spare():
                        ring.refuse()
                self.seq += 1  # also for one that fails: part of it may be there
                if ring.open(self._header()):
                    break
                if ring.spare_ready():  # nothing came of it, and an erase would not help
                    ring.refuse()
            self.seq = self.index.seqs[ring.block]
            self.page_slot = self.slot
            self.page_version = self.version
            self._left = -1
            self._checked = True
            self._write_note(self._checkpoint())
            while self._carried:
                overwritten, end, configs = self._carried[0]
                self._note_overwritten(overwritten, end)
                for payload in configs:
                    self._write_note(payload)
                self._carried = self._carried[1:]
            if not ring.spare_ready():
                self._leave(ring.victim())
        finally:
            self._opening = opening

    def _header(self):
        head = pages.Header(
            self.channels, self.seq, self.epoch, self.number, self.slot, self.boot, self.config_hash
        )
        clock = self._clock
        head.version = self.version
        head.date(clock.start_unix_ms(), clock.source, clock.uncertainty_now_ms())
        return head

    def _leave(self, block):
        """Say what the erase of this page will take away, and log again what others refer to."""
        overwritten, end, configs = self._leaving(block)
        self._note_overwritten(overwritten, end)
        for payload in configs:
            if self._pages.victim() != block:
                return  # that note opened a page, which took this one and carried its configs
            self.note(payload)
        if self._pages.victim() == block:
            self._left = block

    def _note_overwritten(self, records, end):
        if records > 0 and end > self._gone:
            before, self._gone = self._gone, end  # now: the note may open a page, which looks here
            try:
                self.note_loss(meta.LOSS_OVERWRITTEN, records, 0, end)
            except OSError:
                self._gone = before
                raise

    def _leaving(self, block):
        """What goes with this page: (records that were never pulled, the number behind them,
        config records that other pages refer to). Raises OSError when it cannot be read: then it is
        not erased.
        """
        try:
            return self._read_leaving(block)
        except OSError:
            self._pages.fail_unread()
            self._pages.refuse()

    def _read_leaving(self, block):
        index = self.index
        head = index.header(block)
        seq = index.seqs[block]
        if head is not None and head.epoch == self.epoch and head.seq != seq:
            if seq or head.seq > self.seq:  # the start was misled: the log is to be found anew
                self.is_found = False
                raise OSError(_NOT_FOUND)
            index.put(block, head)
            seq = head.seq
        if not seq:
            return 0, 0, ()
        first = head.number if head is not None else 0
        end = 0
        after = index.after(seq + 1)
        while after >= 0 and not end:
            end = index.number(after)
            after = index.after(index.seqs[after] + 1)
        end = end or self.number
        overwritten = end - max(self.pulled, self._gone, first)
        configs = [p for p in self._configs(block) if index.names(_hash(p), block)]
        if configs and self._pages.block >= 0:
            # What the start before this one logged already is not logged again.
            there = [meta.config_part(payload) for payload in self._configs(self._pages.block)]
            configs = [p for p in configs if meta.config_part(p) not in there]
        return overwritten, end, configs

    def _configs(self, block):
        """The config records in this page."""
        page = bytearray(pages.SIZE)
        self.index.read(block, page)
        head = pages.header(page)
        configs = []
        for kind, at, n in pages.chunks(page, head.crc) if head else ():
            if kind == pages.META and page[at] == meta.CONFIG:
                configs.append(bytes(memoryview(page)[at : at + n]))
        return configs


def _hash(payload):
    return struct.unpack_from("<I", meta.config_part(payload))[0]
