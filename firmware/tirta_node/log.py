# SPDX-License-Identifier: MIT
"""The log: pages on flash, one chunk after the other (FORMAT.md 2 to 5).

A chunk is one program, read back before it counts. A *note* is a meta record, written at once.
Records come from the recorder, which `before_note` asks to write what it holds back, so that notes
stand where they belong. Every loss is a note and a number in `lost`.
"""

import struct

from micropython import const

from tirta_format import meta
from tirta_format import page as pages
from tirta_node import rarely
from tirta_node.flashring import FlashRing
from tirta_node.index import Index

_NOTE_BYTES = meta.CONFIG_PART + 64
_EPOCHS = const(0xFFFFFFFF)
_TOTALS = const(24)  # more of them, and those that the config does not name are given up
_NO_PAGE = "no page of the log can be written: the flash is worn out or damaged"


class Log:
    """`counted` maps the indexes of the channels whose totals are kept to their names; `slot` says
    where the next record belongs.
    """

    def __init__(self, flash, clock):
        self.index = Index(flash, pages.MARK)
        self.flash = flash
        self.channels = 0
        self.counted = {}
        self.slot = 0
        self.version = pages.VERSION  # of the pages to be begun; the application before this one
        self.page_version = 0  # may have to read them, and that of the page being written
        self.before_note = None
        self.page_slot = -1  # where the page begun last expects its first record; -1 = not fresh
        self._pages = FlashRing(flash, self.index, pages.MARK)
        self._clock = clock
        self._note = bytearray(_NOTE_BYTES)
        self.config_hash = 0
        self.epoch = 0
        self.boot = 0
        self.seq = 0
        self.number = 0  # of the next record
        self.totals = {}
        self.pulled = 0
        self.lost = 0
        self._gone = 0  # records below this were overwritten, and that is noted
        self._damaged = 0  # records that were acknowledged and cannot be read, not noted yet
        self._left = -1  # the page that may be erased: what it takes away is noted
        self._checked = True  # the page being written has a checkpoint with every total
        self._resumed = False  # the page being written is of an earlier start

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
        """Find the head of the log, or begin one; return what `recover.find` found."""
        found = rarely.call("tirta_node.recover", "find", self.flash, self.index)
        self.epoch = found.epoch or random_u32 % _EPOCHS + 1
        if self.epoch != self.index.epoch:
            self.index.begin(self.epoch)
        self.seq = found.seq
        self.boot = found.boot
        self.number = max(found.number, found.pulled if found.epoch else 0)
        self.pulled = found.pulled if found.epoch else 0
        self.lost = found.lost
        self._gone = found.gone
        self._damaged = found.damaged
        self.totals = found.totals
        self._pages.adopt_spare()
        if found.resume:
            self._pages.resume(self.index.newest, found.resume, found.page_crc)
            self.page_version = found.version
            self.close_other()
            self.config_hash = found.config_hash
            self.channels = found.channels
            self._checked = found.checked
        self._resumed = found.resume > 0
        return found

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
        """A boot begins, under this config; True when its text is to be logged."""
        same = config_hash == self.config_hash and self._pages.room() >= 0
        self.turn(channels, config_hash, self.boot + 1)
        self.count(counted)
        if not same and len(self.totals) > _TOTALS:
            self.totals = {name: self.totals[name] for name in counted.values()}
        return not same

    def begin(self):
        """Write what stands before the notes of a boot."""
        self.resume()
        self.check()
        if self._damaged:
            self.note_loss(meta.LOSS_FLASH, self._damaged, 0)
            self._damaged = 0

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

    def note(self, payload):
        """Write one meta record at once. Raises OSError when no page can be written."""
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

    def checkpoint(self):
        """Note totals, losses, and what a laptop has."""
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
        """Make the next page ready if it is not: one erase, for when there is time. True if so."""
        if self._pages.spare_ready():
            return False
        victim = self._pages.victim()
        if victim != self._left:
            self._leave(victim)
        if victim == self._left:  # else a page was opened meanwhile
            self._pages.make_spare()
        return True

    def open_page(self):
        """Go on in a new page. Raises OSError when none can be written."""
        carried = []
        for _ in range(2 * self.index.count):
            if not self._pages.spare_ready():
                victim = self._pages.victim()
                if victim != self._left:
                    carried.append(self._leaving(victim))
                if not self._pages.make_spare():
                    continue
            self.seq += 1
            if self._pages.open(self._header()):
                break
        else:
            raise OSError(_NO_PAGE)
        self.page_slot = self.slot
        self.page_version = self.version
        self._left = -1
        self._checked = True
        self._write_note(self._checkpoint())
        for overwritten, end, configs in carried:
            self._note_overwritten(overwritten, end)
            for payload in configs:
                self.note(payload)
        if not self._pages.spare_ready():
            self._leave(self._pages.victim())

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
        config records that other pages refer to).
        """
        if not self.index.seqs[block]:
            return 0, 0, ()
        after = self.index.after(self.index.seqs[block] + 1)
        end = self.index.number(after) if after >= 0 else self.number
        overwritten = end - max(self.pulled, self.index.number(block))
        configs = [p for p in self._configs(block) if self.index.names(_hash(p), block)]
        if configs and self._pages.block >= 0:
            # What the start before this one logged already is not logged again.
            there = [meta.config_part(payload) for payload in self._configs(self._pages.block)]
            configs = [p for p in configs if meta.config_part(p) not in there]
        return overwritten, end, configs

    def _configs(self, block):
        """The config records in this page."""
        page = bytearray(pages.SIZE)
        self.flash.read(block, 0, page)
        head = pages.header(page)
        configs = []
        for kind, at, n in pages.chunks(page, head.crc) if head else ():
            if kind == pages.META and page[at] == meta.CONFIG:
                configs.append(bytes(memoryview(page)[at : at + n]))
        return configs


def _hash(payload):
    return struct.unpack_from("<I", meta.config_part(payload))[0]
