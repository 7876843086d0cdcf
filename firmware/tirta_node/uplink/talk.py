# SPDX-License-Identifier: MIT
"""A laptop's conversation over the network (FORMAT.md section 14.4): stands where the serial line
stands, and the console notices nothing. Called by `unload`; while it lasts nothing is pushed.
"""

import time

from cryptolib import aes
from micropython import const

from tirta_format import uplink, varint

_MOST_OUT = const(1024)  # bytes in one message
_MOST_IN = const(512)  # that wait
_ENOUGH = const(700)  # to send, while more comes
_GATHER_MS = const(20)
_ROOM_MS = const(40)  # until the next sample, to make a message
_FAST_MS, _SOON_MS, _IDLE_MS = const(1), const(20), const(200)
_LIVELY_MS = const(2000)
_OPEN_MS = const(3000)  # a talk without a session has so long before another may take its place,
_MOST_OPEN_MS = const(30000)  # and so long in all
_YIELD_MS = const(30000)  # one with a session, silent for so long, yields to another,
_OVER_MS = const(600000)  # and is over;
_STAY_MS = const(10000)  # after a goodbye another is soon to come
_PING_MS = const(50000)  # silence that no broker shall take for an end
_FINISH_MS = const(2000)  # for an answer before a restart


def begin(carrier, wire):
    """Make the Talk of this Carrier and Wire: a line that nobody speaks over yet."""
    return Talk(carrier, wire)


def again(kept, wire):
    """Make the Talk once more that was put aside."""
    made = object.__new__(Talk)
    for name in kept:
        setattr(made, name, kept[name])
    made.wire = wire
    return made


class Talk:
    """`take` hears messages, `step` sends them."""

    def __init__(self, carrier, wire):
        self._carrier = carrier
        self._node = carrier.node
        self._gate = carrier.node.gate
        self.wire = wire
        self._until_ms = -1  # of a node that is about to stop
        self._id = b""
        self._renew(b"")

    def put_aside(self):
        """What `again` makes it of."""
        self.wire = None
        return dict(self.__dict__)

    def is_out(self):
        """Whether nothing waits to leave, here or in the wire."""
        wire = self.wire
        return not self._length and wire.at == wire.end

    def _renew(self, talk):
        """Another laptop, or the same one anew: nothing of what was before counts."""
        self._gate.claims = b""
        if talk:
            self._node.console.use(self)
        self._id = talk
        self._in, self._at = b"", 0
        self._length = 0  # of what is to leave; it lies in the wire's buffer
        self._filled_ms = 0  # when the first of it came
        self._seen = self._sent = 0  # counters of the last question and answer
        self._secret = b""  # the session's whose keys these are
        self._keys = None
        self._sealed = False  # whether the last question was
        self._guesses = self._gate.guesses
        self._began_ms = self._last_ms = self._carrier.now

    def take(self, payload):
        """Hear a message, if it is of this talk, or may begin one."""
        n = 1 + uplink.TALK_SIZE
        if len(payload) <= n or payload[0] not in (uplink.OPEN, uplink.SEALED):
            return
        now_ms, talk, is_sealed = self._carrier.now, payload[1:n], payload[0] == uplink.SEALED
        try:
            counter, at = varint.get(payload, n, len(payload))
        except (ValueError, IndexError):
            return
        if talk != self._id:
            if is_sealed or not self._may_yield(now_ms):
                return
            self._renew(talk)
        if counter <= self._seen or (self._sealed and not is_sealed):
            return
        if self._guesses != self._gate.guesses:
            return  # one guess a talk
        body = self._opened(counter, payload[at:]) if is_sealed else payload[at:]
        if body is None or len(self._in) - self._at + len(body) > _MOST_IN:
            return
        self._seen, self._last_ms, self._sealed = counter, now_ms, is_sealed
        if is_sealed and not any(body):  # the laptop's goodbye
            self._last_ms -= _OVER_MS - _STAY_MS
        self._in = self._in[self._at :] + body
        self._at = 0

    def _may_yield(self, now_ms):
        if not self._id:
            return True
        if self._sealed:
            return now_ms - self._last_ms >= _YIELD_MS
        return now_ms - self._began_ms >= _OPEN_MS

    def _opened(self, counter, sealed):
        """The bytes of a question, or None."""
        gate = self._gate
        if gate.claims and gate.keys[2] != self._secret:
            made = uplink.talk_keys(gate.keys[2], self._carrier.name)
            body = uplink.open_(aes, made[0], uplink.QUESTION, counter, sealed)
            if body is not None:
                self._secret, self._keys = bytes(gate.keys[2]), made
                return bytes(body)
        if self._keys is None:
            return None
        body = uplink.open_(aes, self._keys[0], uplink.QUESTION, counter, sealed)
        return None if body is None else bytes(body)

    def is_over(self):
        """Whether it ended: a laptop is at the serial port, or nobody spoke for long."""
        if self._node.line.byte() >= 0:
            return True
        now_ms = self._carrier.now
        if self._sealed:
            return now_ms - self._last_ms >= _OVER_MS
        return now_ms - self._began_ms >= _MOST_OPEN_MS

    def had_session(self):
        """Whether somebody with a key was heard."""
        return self._keys is not None

    def step(self, left_ms):
        """Send what is worth a message, if the next sample is `left_ms` away or more; return in how
        many milliseconds to look again.
        """
        self.wire.step()
        now_ms, is_idle = self._carrier.now, self._node.console.is_idle()
        if self._length and left_ms >= _ROOM_MS and self.wire.is_free():
            is_old = now_ms - self._filled_ms >= _GATHER_MS
            if is_old or is_idle or self._length >= _ENOUGH:
                self._leave()
        if self._length or not is_idle or self._at < len(self._in):
            return _FAST_MS
        if now_ms - self.wire.sent_ms > _PING_MS and self.wire.is_free():
            self.wire.ping()
        return _SOON_MS if now_ms - self._last_ms < _LIVELY_MS else _IDLE_MS

    def _leave(self):
        """Publish what is to leave."""
        wire, n, at = self.wire, self._length, self._place()
        self._sent += 1
        self._length = 0
        keys = self._keys[1] if self._sealed and self._keys else None
        while keys is not None and n < uplink.LEAST:
            wire.buf[at + n] = 0
            n += 1
        wire.send(uplink.ANSWER, "a", self._first(), n, keys, self._sent)

    def _first(self):
        return bytes((uplink.SEALED if self._sealed else uplink.OPEN,)) + self._id

    def _place(self):
        """Where in the wire's buffer the next message's bytes belong."""
        return self.wire.body(self._first(), self._sent + 1)

    def finish(self):
        """Bring the last answer out: the node is about to stop."""
        clock, wire = self._node.clock, self.wire
        self._until_ms = clock.uptime_ms() + _FINISH_MS
        self._node.console.flush()
        try:
            while wire.is_up and clock.uptime_ms() < self._until_ms:
                if self._length and wire.is_free():
                    self._leave()
                elif not self._length and wire.at == wire.end and not wire.unanswered:
                    return
                wire.step()
                time.sleep_ms(1)
        except OSError:
            pass  # nobody hears it: the laptop asks again

    # What a line does.

    def byte(self):
        """The next byte of input, or -1."""
        if self._at == len(self._in) or self._carrier.held is not None:
            return -1
        self._at += 1
        return self._in[self._at - 1]

    def room(self):
        """Bytes that a write can take now."""
        wire = self.wire
        if self._until_ms >= 0 and (self._length == _MOST_OUT or wire.at < wire.end):
            self._make_room()
        if not wire.is_up:
            self._length = 0  # nobody hears it: the laptop asks again
            return _MOST_OUT
        return _MOST_OUT - self._length if wire.at == wire.end else 0

    def _make_room(self):
        """Send what is full, or give it up: the node is about to stop."""
        wire = self.wire
        try:
            wire.step()
            if self._length and wire.is_free():
                self._leave()
        except OSError:
            self._length = 0
        if not wire.is_up or self._node.clock.uptime_ms() >= self._until_ms:
            self._length = 0

    def write(self, data):
        """Send `data`, no longer than `room`."""
        n, wire = self._length, self.wire
        if n + len(data) > _MOST_OUT or not wire.is_up or wire.at < wire.end:
            return
        if not n:
            self._filled_ms = self._carrier.now
        at = self._place() + n
        wire.buf[at : at + len(data)] = data
        self._length = n + len(data)

    def drain_ms(self):
        """Until there is room."""
        return 1
