# SPDX-License-Identifier: MIT
"""The log writer: commits records from the ring in RAM to the pages on flash (FORMAT.md 2 to 5).

A commit is one program, read back before its records count as *acknowledged*. A *note* is a meta
record, written at once. A *placed* chunk says where its records belong; the first of each page and
boot does. Every loss is a note and a number in `lost`.
"""

from tirta_format import meta, record
from tirta_format import page as pages
from tirta_node import rarely
from tirta_node.flashring import FlashRing
from tirta_node.index import Index

CHUNK_BYTES = 1200  # more records than fit are several chunks
_EPOCHS = 0xFFFFFFFF
_NO_PAGE = "no page of the log can be written: the flash is worn out or damaged"


class Log:
    """`counted` maps the indexes of the channels whose totals are kept to their names."""

    def __init__(self, flash, clock, channels, counted):
        self.index = Index(flash.blocks)
        self._pages = FlashRing(flash, self.index)
        self._clock = clock
        self._channels = channels
        self._counted = counted
        self._encoder = record.Encoder(channels)
        self._chunk = bytearray(CHUNK_BYTES)
        self._placed = True
        self._config = b""
        self.config_hash = 0
        self.epoch = 0
        self.boot = 0
        self.seq = 0
        self.number = 0  # of the next record to be acknowledged
        self.totals = {}
        self.pulled = 0
        self.lost = 0
        self._gone = 0  # records below this were overwritten, and that is noted
        self._left = -1  # the page that may be erased: what it takes away is noted

    def oldest_number(self):
        """Number of the oldest record on flash."""
        block = self.index.after(1)
        return self.index.numbers[block] if block >= 0 else self.number

    def end(self):
        """(sequence of the page being written, end of its chunks)."""
        return self.seq, min(self._pages.at, pages.SIZE)

    def bad_pages(self):
        """Pages that could not be erased or programmed since the start."""
        return self._pages.bad_pages

    def start(self, config, config_hash, random_u32):
        """Find the head of the log, or begin one; return what `recover.find` found."""
        self._config = config
        self.config_hash = config_hash
        flash = self._pages.flash
        found = rarely.call("tirta_node.recover", "find", flash, self.index, self._counted)
        self.epoch = found.epoch or random_u32 % _EPOCHS + 1
        if self.epoch != self.index.epoch:
            self.index.begin(self.epoch)
        self.seq = found.seq
        self.boot = found.boot + 1
        self.number = max(found.number, found.pulled if found.epoch else 0)
        self.pulled = found.pulled if found.epoch else 0
        self.lost = found.lost
        self._gone = found.gone
        self.totals = found.totals
        for name in self._counted.values():
            self.totals.setdefault(name, 0)
        self._pages.adopt_spare()
        if found.resume and found.config_hash == config_hash:
            self._pages.resume(self.index.newest, found.resume)
            if not found.checked:
                self.checkpoint()
        return found

    def log_config(self):
        """Put the text of the config in force into the log."""
        for offset in range(0, len(self._config), meta.CONFIG_PART):
            uptime_ms = self._clock.uptime_ms()
            self.note(meta.config(uptime_ms, self.config_hash, self._config, offset))

    def commit(self, ring):
        """Write what the ring holds: afterwards it is durable. Raises OSError when no page of the
        flash can be written.
        """
        while ring.count:
            kind = pages.RECORDS_AT if self._placed else pages.RECORDS
            end, taken = self._encode(ring)
            if taken and self._append(kind, end - 2):
                self._count(ring, taken)
                self.number += taken
                ring.drop(taken)
                self._placed = False
            else:
                self._open_page()

    def note(self, payload):
        """Write one meta record at once. Raises OSError as `commit`."""
        while True:
            if self._pages.room() >= len(payload):
                self._chunk[2 : 2 + len(payload)] = payload
                if self._append(pages.META, len(payload)):
                    return
            self._open_page()

    def checkpoint(self):
        """Note totals, losses, and what a laptop has."""
        totals = [(name, self.totals[name]) for name in sorted(self.totals)]
        uptime_ms = self._clock.uptime_ms()
        self.note(meta.checkpoint(uptime_ms, self.pulled, self.lost, totals))

    def note_loss(self, reason, at_most, duration_ms, before=None):
        """Records are missing before number `before` (the next one): say so, and count them."""
        number = self.number if before is None else before
        uptime_ms = self._clock.uptime_ms()
        self.note(meta.loss(uptime_ms, reason, number, at_most, duration_ms))
        self.lost += at_most  # now: a checkpoint before the note would count it twice

    def erase_ahead(self):
        """Make the next page ready if it is not: one erase, for when there is time."""
        if self._pages.spare_ready():
            return
        victim = self._pages.victim()
        if victim != self._left:
            self._leave(victim)
        if victim == self._left:  # else a page was opened meanwhile
            self._pages.make_spare()

    def _encode(self, ring):
        """Put as many records as fit into the chunk; (end of the payload, how many)."""
        encoder = self._encoder
        chunk = self._chunk
        limit = min(self._pages.room(), CHUNK_BYTES - pages.CHUNK_OVERHEAD) + 2 - encoder.bound()
        at = 2
        if self._placed:
            encoder.restart(self.boot, self.number, ring.slots[ring.at(0)])
            at = encoder.put_place(chunk, at)
        taken = 0
        while taken < ring.count and at <= limit:
            i = ring.at(taken)
            at = encoder.put(chunk, at, ring.slots[i], ring.values, ring.flags, i * self._channels)
            taken += 1
        return at, taken

    def _append(self, kind, n):
        size = pages.finish_chunk(self._chunk, kind, n, self._pages.page_crc)
        if self._pages.append(self._chunk, size):
            return True
        self._pages.close()
        return False

    def _count(self, ring, taken):
        for channel, name in self._counted.items():
            for i in range(taken):
                at = ring.at(i) * self._channels + channel
                if ring.flags[at] != record.MISSING:
                    self.totals[name] += ring.values[at]

    def _open_page(self):
        """Go on in a new page: what was encoded but not acknowledged is encoded again."""
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
        self._placed = True
        self._left = -1
        self.checkpoint()
        for overwritten, end, configs in carried:
            self._note_overwritten(overwritten, end)
            for payload in configs:
                self.note(payload)
        if not self._pages.spare_ready():
            self._leave(self._pages.victim())

    def _header(self):
        head = pages.Header(
            self._channels, self.seq, self.epoch, self.number, 0, self.boot, self.config_hash
        )
        clock = self._clock
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
            self._gone = end
            self.note_loss(meta.LOSS_OVERWRITTEN, records, 0, end)

    def _leaving(self, block):
        """What goes with this page: (records that were never pulled, the number behind them,
        config records that other pages refer to).
        """
        if not self.index.seqs[block]:
            return 0, 0, ()
        after = self.index.after(self.index.seqs[block] + 1)
        end = self.index.numbers[after] if after >= 0 else self.number
        overwritten = end - max(self.pulled, self.index.numbers[block])
        page = bytearray(pages.SIZE)
        self._pages.flash.read(block, 0, page)
        view = memoryview(page)
        configs = []
        for kind, at, n in pages.chunks(page, self.index.crcs[block]):
            if kind == pages.META and page[at] == meta.CONFIG:
                fields = meta.parse(view[at : at + n])[2]
                if self.index.names(fields["hash"], block):
                    configs.append(bytes(view[at : at + n]))
        return overwritten, end, configs
