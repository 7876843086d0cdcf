# SPDX-License-Identifier: MIT
"""What leaves over a connection that stands, and when (FORMAT.md section 14): pieces of pages as
they lie on flash, until the ledgers of the archives name them.

`step` is called between samples and does one small thing; what takes longer (a piece is read,
encrypted and sent) waits until no sample is due for a while. An acknowledgement of the broker
marks nothing: when a ledger has heard all that was sent, what it lacks is sent again. Called by
`unload`, and out of RAM while nobody could hear it, or a laptop talks.
"""

from micropython import const

from tirta_format import uplink_ledger, varint
from tirta_node import unload

_LEDGERS = "tirta_node.uplink.ledgers"
_LEDGER = const(108)  # the last letter of their topic
_PIECE = const(1368)  # bytes of a page in one message: a third, and wire.py has room for it
_KIND, _LEAST = const(2), const(17)  # of pieces, as in tirta_format/uplink_seal.py
_WHOLE = const(4096)
_ERASED = b"\xff" * 32  # such stretches at the end of a page do not travel
_ROOM_MS = const(40)  # until the next sample, to make a message
_OVERDUE_MS, _MOST_OVERDUE_MS = const(60000), const(3600000)  # of a ledger
_QUIET_MS = const(90000000)  # of archives of which nothing lacks
_DAY_MS, _HOUR_MS = const(86400000), const(3600000)
_FAST_MS, _SOON_MS, _IDLE_MS = const(1), const(20), const(500)
_LIVELY_MS = const(3000)  # after a message, in which an answer is looked for often


def begin(carrier, wire):
    """Make the Pusher of this Carrier, over a Wire that is up."""
    return Pusher(carrier, wire)


class Pusher:
    """`carrier` keeps what outlives this, the counter above all."""

    def __init__(self, carrier, wire):
        self._carrier = carrier
        self.wire = wire
        self._log = carrier.node.keeper.log
        self.ledgers = []  # (archive's name, heard, body), the one that spoke last in front
        self.overdue_ms = -1  # when a ledger is, that has heard all; -1: none is waited for
        self.patience_ms = _OVERDUE_MS
        self.last = 0  # counter of the last message that a ledger is soon to hear
        self._hello_ms = carrier.now  # when the next one is due
        self._hello_page = 0
        self.cursor = -1  # page that is looked at next, in search of what a ledger lacks
        self.at = 0  # in that page
        self.done = bytearray((self._log.index.count + 7) // 8)  # blocks that were sent

    def close(self):
        """Forget all: the next one asks the archives anew."""

    def step(self, left_ms):
        """Do one thing that is due, if the next sample is `left_ms` away or more; return in how
        many milliseconds to look again.
        """
        carrier, wire = self._carrier, self.wire
        wire.step()
        may_load = left_ms >= carrier.long_ms
        if wire.came is not None:
            return self._take(may_load)
        if not wire.is_free():
            return _FAST_MS
        if left_ms < _ROOM_MS or not self._log.is_found:
            return _SOON_MS
        self._watch(self._log.end()[0])
        if carrier.now >= self._hello_ms:
            if not may_load:
                return _SOON_MS
            self._hello_ms = carrier.now + _DAY_MS
            self._hello_page = self._log.end()[0]
            unload.call(_LEDGERS, "say_hello", carrier, wire)
            self._expect(0)
            return _FAST_MS
        if self._speak():
            return _FAST_MS
        return _SOON_MS if carrier.now - wire.sent_ms < _LIVELY_MS else _IDLE_MS

    def _take(self, may_load):
        """Take a ledger; a laptop's question is left to the carrier."""
        wire = self.wire
        if wire.came[0] == _LEDGER:
            if not may_load:
                return _SOON_MS
            payload, wire.came = wire.came[1], None
            unload.call(_LEDGERS, "take", self._carrier, self, payload)
        return _FAST_MS

    def _watch(self, page):
        """Know what is due by now."""
        carrier = self._carrier
        alarms = carrier.node.alarms
        raised = len(alarms.names()) if alarms is not None else 0
        if carrier.now >= carrier.push_ms or raised != carrier.raised:
            carrier.raised = raised
            period_ms = carrier.settings["push_s"] * 1000
            if not carrier.push_ms:  # a town that got its power back pushes over the hour
                period_ms = carrier.some(period_ms)
            carrier.push_ms = carrier.now + period_ms
            carrier.goal = self._log.end()
        if page != self._hello_page and page == carrier.tail[0]:
            self._hello_ms = carrier.now
        if 0 <= self.overdue_ms <= carrier.now:
            self.patience_ms = min(_MOST_OVERDUE_MS, 2 * self.patience_ms)
            self.overdue_ms = -1
            self._hello_ms = carrier.now

    def _speak(self):
        """Send one message, or look at one page; False when nothing is due."""
        carrier = self._carrier
        page, at = carrier.tail
        until = carrier.goal[1]
        if page != carrier.goal[0]:  # what is left of the page before
            until = _WHOLE if self._block_of(page) >= 0 else 0
            if at >= until:
                page, at = carrier.goal[0], 0
                until = carrier.goal[1]
        if at < until:
            carrier.tail = page, min(until, at + _PIECE)
            return self._send(page, at, carrier.tail[1], _QUIET_MS)
        if self.cursor >= 0 and self.ledgers:
            return self._look()
        if carrier.now - self.wire.sent_ms > carrier.settings["push_s"] * 1400:
            self.wire.ping()
            return True
        return False

    def _send(self, page, at, end, patience_ms=0):
        """Send a piece of a page, of which a ledger tells within `patience_ms`; False when it is
        not there any more.
        """
        log, wire = self._log, self.wire
        block = self._block_of(page)
        if block < 0:
            return False
        at = max(0, min(at, end - _LEAST))
        n, whole = end - at, end == _WHOLE
        first = self._carrier.run[-1:]
        place = varint.encode(page) + varint.encode(at + _WHOLE if whole else at)
        begin = wire.body(first, self._carrier.counter + 1)
        wire.buf[begin : begin + len(place)] = place
        begin += len(place)
        read = memoryview(wire.buf)[begin : begin + n]
        log.flash.read(block, at, read)
        if log.index.seqs[block] != page:
            return False  # it was erased meanwhile
        while whole and n >= len(_ERASED) + _LEAST and read[n - len(_ERASED) : n] == _ERASED:
            n -= len(_ERASED)
        wire.seal(_KIND, "p", first, len(place) + n)
        self._expect(patience_ms)
        return True

    def _expect(self, patience_ms):
        """A ledger shall hear of the last message within `patience_ms`, or soon."""
        if not patience_ms:
            self.last = self._carrier.counter
        overdue_ms = self._carrier.now + max(patience_ms, self.patience_ms)
        if self.overdue_ms < 0 or overdue_ms < self.overdue_ms:
            self.overdue_ms = overdue_ms

    def _look(self):
        """Look at one page, from the newest to the oldest, and send of it what a ledger lacks."""
        carrier, log, page = self._carrier, self._log, self.cursor
        end = _WHOLE
        if page >= log.end()[0]:
            end = carrier.tail[1] if carrier.tail[0] == page else 0
        block = self._block_of(page)
        if block >= 0 and not self.done[block >> 3] & 1 << (block & 7):
            at = max(self.at, min([uplink_ledger.known(body, page) for _, _, body in self.ledgers]))
            if at < end:
                if not self._may_spend(end - at):
                    return False
                self.at = end = min(end, at + _PIECE)
                if page == carrier.tail[0]:  # the page before, which its push need not send
                    carrier.tail = page, end
                return self._send(page, at, end)
            self.done[block >> 3] |= 1 << (block & 7)
        before = log.index.before(page)
        self.cursor = log.index.seqs[before] if before >= 0 else -1
        self.at = 0
        return True

    def _may_spend(self, count):
        """Whether the hour's budget has that many bytes of backfill left."""
        carrier = self._carrier
        budget = carrier.settings["kb_h"] * 1024
        if carrier.now - carrier.hour_ms >= _HOUR_MS:
            carrier.hour_ms = carrier.now
            carrier.spent = 0
        if budget and carrier.spent >= budget:
            return False
        carrier.spent += min(count, _PIECE)
        return True

    def _block_of(self, page):
        """The block that holds the page of this sequence, or -1."""
        block = self._log.index.after(page)
        return block if block >= 0 and self._log.index.seqs[block] == page else -1
