# SPDX-License-Identifier: MIT
"""What leaves over the network, and when (FORMAT.md section 14): pieces of pages as they lie on
flash, until the ledgers of the archives name them.

`step` is called between samples and does one small thing; what takes longer (a piece is read,
encrypted and sent) waits until no sample is due for a while. An acknowledgement of the broker
marks nothing: when a ledger has heard all that was sent, what it lacks is sent again.
"""

import os
import struct

from cryptolib import aes
from micropython import const

from tirta_format import uplink, uplink_hello, uplink_ledger, varint
from tirta_node import unload
from tirta_node.hal.radio import Asker, Radio, Stream
from tirta_node.uplink import mqtt, name_query

JOIN, NAME, OPEN, GREET, UP = const(0), const(1), const(2), const(3), const(4)
_PIECE = const(2048)  # bytes of a page in one message
_BUFFER = const(48 + 16 + 2048 + 24)  # mqtt.BODY, what stands before a body, a piece, uplink.ROOM
_WHOLE = const(4096)
_ERASED = b"\xff" * 32  # such stretches at the end of a page do not travel
_ROOM_MS = const(40)  # until the next sample, to make a message
_LONG_MS = const(1500)  # to load a module
_ANSWER_MS = const(10000)  # of a name, a connection, a broker's greeting
_SILENT_MS = const(30000)  # of a broker that has messages to acknowledge
_FIRST_MS, _LAST_MS = const(10000), const(300000)  # until the next try to connect, at most
_LEAST_MS = const(1000)
_OVERDUE_MS, _MOST_OVERDUE_MS = const(60000), const(3600000)  # of a ledger
_QUIET_MS = const(90000000)  # of archives of which nothing lacks
_DAY_MS, _HOUR_MS = const(86400000), const(3600000)
_FAST_MS, _SOON_MS, _IDLE_MS = const(1), const(20), const(500)
_LIVELY_MS = const(3000)  # after a message, in which an answer is looked for often
_UNANSWERED = const(8)  # messages under way
_ROUND_MS = const(4000)  # there and back, when a ledger's time is to count
_LAPTOP = const(2)  # as in meta.py: the time is a computer's
_SYNCHRONISED_MS = const(1000)


def begin(carrier):
    """Make the Sender of this Carrier."""
    return Sender(carrier)


def _joined_by(carrier):
    """What joins the network: Wi-Fi, or the board's Ethernet."""
    if "ethernet" in carrier.settings:
        from tirta_node.hal.wired import Wired

        return Wired(carrier.settings["ethernet"])
    return Radio(carrier.settings["ssid"], carrier.secrets.get("wifi", ""))


class Sender:
    """`carrier` keeps what outlives this, the counter above all."""

    def __init__(self, carrier):
        self._carrier = carrier
        self._node = carrier.node
        self._name = carrier.name
        self._settings = carrier.settings
        self._keys = uplink.up_keys(carrier.key, carrier.name, carrier.run)
        self._down = (b"", None)  # an archive's 16 bytes, and the keys of its ledgers
        self._radio = _joined_by(carrier)
        self._mqtt = mqtt.Mqtt(bytearray(_BUFFER), self._heard)
        self._asker = self._stream = None
        self._address = ""
        self._number = 0  # of a question for a name
        self._state = JOIN
        self._ledgers = []  # (archive's name, heard, body), the one that spoke last in front
        self._now = 0
        self._since = 0  # uptime of the last change of state
        self._try_ms = self._node.clock.uptime_ms()  # before this no connection is tried
        self._try_ms += carrier.some(min(_FIRST_MS, carrier.settings["push_s"] * 10))
        self._again_ms = _FIRST_MS
        self._sent_ms = 0
        self._answered_ms = 0  # when the broker last acknowledged
        self._overdue_ms = -1  # when a ledger is, that has heard all; -1: none is waited for
        self._patience_ms = _OVERDUE_MS
        self._last = 0  # counter of the last message that a ledger is soon to hear
        self._hello_ms = 0  # when the next one is due
        self._hello_page = 0
        self._raised = 0
        self._goal = carrier.tail  # up to where a push goes
        self._time = None  # (Unix time in ms of uptime 0, its uncertainty): what a ledger told
        self._cursor = -1  # page that is looked at next, in search of what a ledger lacks
        self._at = 0  # in that page
        self._done = bytearray(
            (self._node.keeper.log.index.count + 7) // 8
        )  # blocks that were sent
        self._spent = 0  # bytes of backfill in this hour
        self._hour_ms = 0

    def close(self):
        """Let go of the broker."""
        self._mqtt.close()
        for each in (self._asker, self._stream):
            if each is not None:
                each.close()
        self._asker = self._stream = None

    def step(self, left_ms):
        """Do what is due, if the next sample is `left_ms` away or more; return in how many
        milliseconds to look again.
        """
        self._now = self._node.clock.uptime_ms()
        try:
            if self._state == UP:
                return self._serve(left_ms)
            if left_ms < _ROOM_MS:
                return _SOON_MS
            return self._connect()
        except (OSError, ValueError) as error:
            told = error.args[0] if error.args else ""
            self._lose(told if isinstance(told, str) else "the connection is lost")
            return _IDLE_MS

    def _lose(self, why):
        """The connection is over. The next try comes at some moment of a time that doubles: a town
        of nodes lost the same broker, and shall not come back in one second.
        """
        self._carrier.problem = why
        self.close()
        self._try_ms = self._now + _LEAST_MS + self._carrier.some(self._again_ms)
        self._again_ms = min(_LAST_MS, 2 * self._again_ms)
        self._enter(JOIN)

    def _enter(self, state):
        self._state = state
        self._carrier.state = ("join", "name", "open", "greet", "up")[state]
        self._since = self._now

    def _connect(self):
        """One step towards a broker that has accepted the node."""
        waited_ms = self._now - self._since
        if self._state == JOIN:
            if not self._radio.is_joined():
                self._carrier.problem = self._radio.problem()
                return _IDLE_MS
            if self._now < self._try_ms:
                return _IDLE_MS
            self._address = self._settings["broker"]
            self._enter(OPEN if name_query.is_address(self._address) else NAME)
            return self._begin()
        if waited_ms > _ANSWER_MS:
            raise OSError(("", "the broker's name is not answered", "the broker does not answer",
                           "the broker does not greet")[self._state])  # fmt: skip
        asker, stream = self._asker, self._stream
        if asker is not None:
            packet = asker.answer()
            if packet:
                self._address = name_query.answer(packet, self._number)
                asker.close()
                self._asker = None
                if not self._address:
                    raise OSError("the broker's name has no address")
                self._enter(OPEN)
                return self._begin()
        elif self._state == OPEN and stream is not None:
            if stream.is_open():
                self._greet()
        else:
            self._mqtt.step()
            if self._mqtt.is_up:
                self._arrive()
        return _SOON_MS

    def _begin(self):
        """Ask for the broker's name, or open a connection to its address."""
        if self._state == NAME:
            self._number = struct.unpack("<H", os.urandom(2))[0]
            self._asker = Asker()
            asked = name_query.question(self._address, self._number)
            self._asker.ask(self._radio.name_server(), asked)
        else:
            self._stream = Stream((self._address, self._settings["port"]))
        return _SOON_MS

    def _greet(self):
        settings = self._settings
        account = settings.get("account", self._name if "broker" in self._carrier.secrets else "")
        keepalive_s = min(65535, max(60, settings["push_s"] * 3 // 2))
        self._mqtt.open(
            self._stream, self._name, account, self._carrier.secrets.get("broker", ""),
            "tirta/%s/l" % self._name, keepalive_s,
        )  # fmt: skip
        self._enter(GREET)

    def _arrive(self):
        self._carrier.problem = ""
        self._again_ms = _FIRST_MS
        self._enter(UP)
        self._hello_ms = self._answered_ms = self._sent_ms = self._now

    def _serve(self, left_ms):
        """A connection that stands: one thing that is due."""
        before = self._mqtt.unanswered
        self._mqtt.step()
        if not self._radio.is_joined():
            raise OSError(self._radio.problem())
        if self._mqtt.unanswered < before or not before:
            self._answered_ms = self._now
        elif self._now - self._answered_ms > _SILENT_MS:
            raise OSError("the broker is silent")
        if not self._mqtt.is_free():
            return _FAST_MS
        if left_ms < _ROOM_MS:
            return _SOON_MS
        if self._time is not None and (left_ms >= _LONG_MS or self._carrier.is_hurried):
            self._set_clock()
            return _FAST_MS
        if self._mqtt.unanswered < _UNANSWERED and self._speak():
            return _FAST_MS
        return _SOON_MS if self._now - self._sent_ms < _LIVELY_MS else _IDLE_MS

    def _speak(self):
        """Send one message, or look at one page; False when nothing is due."""
        log = self._node.keeper.log
        if not log.is_found:
            return False
        self._watch(log.end()[0])
        if self._now >= self._hello_ms:
            self._say_hello(log)
            return True
        page, at = self._carrier.tail
        until = self._goal[1]
        if page != self._goal[0]:
            until = (
                _WHOLE if _block_of(log.index, page) >= 0 else 0
            )  # what is left of the page before
            if at >= until:
                page, at = self._goal[0], 0
                until = self._goal[1]
        if at < until:
            self._carrier.tail = page, min(until, at + _PIECE)
            return self._send(log, page, at, self._carrier.tail[1], _QUIET_MS)
        if self._cursor >= 0 and self._ledgers:
            return self._look(log)
        if self._now - self._sent_ms > self._settings["push_s"] * 1400:
            self._mqtt.ping()
            self._sent_ms = self._now
            return True
        return False

    def _watch(self, page):
        """Know what is due by now."""
        alarms = self._node.alarms
        raised = len(alarms.names()) if alarms is not None else 0
        if self._now >= self._carrier.push_ms or raised != self._raised:
            self._raised = raised
            period_ms = self._settings["push_s"] * 1000
            if not self._carrier.push_ms:  # a town that got its power back pushes over the hour
                period_ms = self._carrier.some(period_ms)
            self._carrier.push_ms = self._now + period_ms
            self._goal = self._node.keeper.log.end()
        if page != self._hello_page and page == self._carrier.tail[0]:
            self._hello_ms = self._now
        if 0 <= self._overdue_ms <= self._now:
            self._patience_ms = min(_MOST_OVERDUE_MS, 2 * self._patience_ms)
            self._overdue_ms = -1
            self._hello_ms = self._now

    def _say_hello(self, log):
        clock = self._node.clock
        page, end = log.end()
        seqs = log.index.seqs
        spans = uplink_hello.spans_of([seq for seq in seqs if seq])
        body = uplink_hello.hello(
            (
                log.epoch, log.boot, log.number, log.oldest_number(), page, end, log.config_hash,
                clock.unix_ms(), clock.uncertainty_now_ms() & 0xFFFFFFFF,
            ),
            spans,
        )  # fmt: skip
        self._hello_ms = self._now + _DAY_MS
        self._hello_page = page
        head = self._head(b"\1" + self._carrier.key_name + self._carrier.run)
        at = mqtt.BODY + len(head)
        self._mqtt.buf[at : at + len(body)] = body
        self._seal(uplink.HELLO, "h", head, len(body))

    def _send(self, log, page, at, end, patience_ms=0):
        """Send a piece of a page, of which a ledger tells within `patience_ms`; False when it is
        not there any more.
        """
        block = _block_of(log.index, page)
        if block < 0:
            return False
        at = max(0, min(at, end - uplink.LEAST))
        head = self._head(self._carrier.run[-1:])
        ends = _WHOLE if end == _WHOLE else 0  # added to the offset: what is left out is erased
        place = varint.encode(page) + varint.encode(at + ends)
        begin = mqtt.BODY + len(head)
        self._mqtt.buf[begin : begin + len(place)] = place
        begin += len(place)
        read = memoryview(self._mqtt.buf)[begin : begin + end - at]
        log.flash.read(block, at, read)
        if log.index.seqs[block] != page:
            return False  # it was erased meanwhile
        n = end - at
        while ends and n >= len(_ERASED) + uplink.LEAST and read[n - len(_ERASED) : n] == _ERASED:
            n -= len(_ERASED)
        self._seal(uplink.PIECE, "p", head, len(place) + n, patience_ms)
        return True

    def _head(self, first):
        self._carrier.counter += 1
        return uplink.head(first, self._carrier.counter)

    def _seal(self, kind, letter, head, n, patience_ms=0):
        """Publish the body of n bytes that lies behind where the head belongs."""
        buf = self._mqtt.buf
        at = mqtt.BODY + len(head)
        buf[mqtt.BODY : at] = head
        end = uplink.close(aes, self._keys, kind, self._carrier.counter, buf, at, at + n)
        topic = "tirta/%s/%s" % (self._name, letter)
        self._mqtt.publish(topic, mqtt.BODY, end, kind == uplink.HELLO)
        self._sent_ms = self._now
        if not patience_ms:
            self._last = self._carrier.counter
        overdue_ms = self._now + max(patience_ms, self._patience_ms)
        if self._overdue_ms < 0 or overdue_ms < self._overdue_ms:
            self._overdue_ms = overdue_ms

    def _look(self, log):
        """Look at one page, from the newest to the oldest, and send of it what a ledger lacks."""
        page = self._cursor
        newest, end = log.end()
        if page < newest:
            end = _WHOLE
        elif self._carrier.tail[0] != page:
            end = 0
        else:
            end = self._carrier.tail[1]
        block = _block_of(log.index, page)
        if block >= 0 and not self._done[block >> 3] & 1 << (block & 7):
            known = min([uplink_ledger.known(body, page) for _, _, body in self._ledgers])
            at = max(self._at, known)
            if at < end:
                if not self._may_spend(end - at):
                    return False
                end = min(end, at + _PIECE)
                self._at = end
                if page == self._carrier.tail[0]:  # the page before, which its push need not send
                    self._carrier.tail = page, end
                return self._send(log, page, at, end)
            self._done[block >> 3] |= 1 << (block & 7)
        before = log.index.before(page)
        self._cursor = log.index.seqs[before] if before >= 0 else -1
        self._at = 0
        return True

    def _may_spend(self, count):
        """Whether the hour's budget has that many bytes of backfill left."""
        budget = self._settings["kb_h"] * 1024
        if self._now - self._hour_ms >= _HOUR_MS:
            self._hour_ms = self._now
            self._spent = 0
        if budget and self._spent >= budget:
            return False
        self._spent += min(count, _PIECE)
        return True

    def _heard(self, payload):
        """Take a ledger, if it is one of this run."""
        n = 1 + uplink.RUN_SIZE
        if len(payload) <= n or payload[0] != uplink.VERSION:
            return
        archive = payload[1:n]
        try:
            counter, at = varint.get(payload, n, len(payload))
            if self._down[0] != archive:
                keys = uplink.down_keys(self._carrier.key, self._name, self._carrier.run, archive)
                self._down = archive, keys
            body = uplink.open_(aes, self._down[1], uplink.LEDGER, counter, payload[at:])
            if body is not None:
                uplink_ledger.known(body, 0xFFFFFFFF)
                self._keep(archive[:8], body)
        except (ValueError, IndexError):
            pass  # a stranger's, or an archive's that is not well: nothing to believe

    def _keep(self, archive, body):
        log = self._node.keeper.log
        epoch, heard, safe, unix_ms, uncertainty_ms, _ = struct.unpack_from(
            uplink_ledger.HEAD, body, 0
        )
        before = [ledger for ledger in self._ledgers if ledger[0] == archive]
        if epoch != log.epoch or heard > self._carrier.counter or (before and heard < before[0][1]):
            return
        others = [ledger for ledger in self._ledgers if ledger[0] != archive]
        self._ledgers = [(archive, heard, body)] + others[:1]
        self._carrier.heard_ms = self._now
        if log.pulled < safe <= log.number:
            log.pulled = safe
        if heard < self._last:
            return
        is_all = heard == self._carrier.counter
        if is_all:
            self._take_time(unix_ms, uncertainty_ms)
        self._overdue_ms = -1 if is_all else self._now + _QUIET_MS
        self._patience_ms = _OVERDUE_MS
        for i in range(len(self._done)):
            self._done[i] = 0
        newest = log.end()[0]
        if is_all:
            self._cursor = newest
        else:  # what is on the way is of the newest page
            block = log.index.before(min(newest, self._carrier.tail[0]))
            self._cursor = log.index.seqs[block] if block >= 0 else -1
        self._at = 0

    def _take_time(self, unix_ms, uncertainty_ms):
        """Have the clock set by a ledger that answers the last message, if that tells the time
        better; never back.
        """
        clock = self._node.clock
        round_ms = self._now - self._sent_ms
        unsure_ms = uncertainty_ms + round_ms // 2 + 1
        unix_ms += round_ms // 2
        if round_ms > _ROUND_MS or unix_ms < clock.unix_ms():
            return
        if clock.source and clock.uncertainty_now_ms() <= max(unsure_ms, _SYNCHRONISED_MS):
            return
        self._time = unix_ms - self._now, unsure_ms

    def _set_clock(self):
        """Tell clock and log what a ledger told: a module is loaded for it."""
        told, self._time = self._time, None
        if told is None:
            return
        begin_ms, unsure_ms = told
        args = self._node, begin_ms + self._now, _LAPTOP, unsure_ms
        unload.call("tirta_node.start.clock_notes", "put", *args)


def _block_of(index, page):
    """The block that holds the page of this sequence, or -1."""
    block = index.after(page)
    return block if block >= 0 and index.seqs[block] == page else -1
