# SPDX-License-Identifier: MIT
"""A client of MQTT 3.1.1 that never waits: one packet on its way out, what comes in by pieces.

A message is published with quality of service 1, and its acknowledgement only tells that the broker
is alive. Sessions are clean: what a broker would keep for a node is a ledger, which a node that
connects asks for anew. A packet leaves in one write, header and payload together.
"""

import struct

from micropython import const

BODY = const(48)  # where the body of a message may begin in `buf`: before it is room for its header
_CONNECT, _PUBLISH, _SUBSCRIBE, _PING = const(0x10), const(0x32), const(0x82), const(0xC0)
_RETAIN = const(1)
_ACCEPTED, _PUBLISHED, _ACKNOWLEDGED = const(0x20), const(0x30), const(0x40)
_SUBSCRIBED = const(0x90)
_PACKET = const(1)  # identifier of the only subscription
_MOST_IN = const(640)  # longer packets are passed over
_READS = const(4)  # in one step, whatever comes
_REFUSED = (
    "", "another protocol", "the client's name", "not available", "account or password",
    "not allowed",
)  # fmt: skip


class Mqtt:
    """`buf` is for packets on their way out; `heard(payload)` takes what was subscribed to. Every
    method may raise OSError: then the connection is over.
    """

    def __init__(self, buf, heard):
        self.buf = buf
        self._view = memoryview(buf)
        self._heard = heard
        self._in = bytearray(_MOST_IN)
        self._stream = None
        self._clear()

    def _clear(self):
        self._at = self._end = 0  # what is to leave of `buf`
        self._have = 0  # bytes of a packet that comes
        self._skip = 0  # bytes of one that is too long
        self.is_up = False  # accepted and subscribed
        self.unanswered = 0  # messages that the broker has not acknowledged
        self._packet = _PACKET

    def open(self, stream, client, account, password, topic, keepalive_s):
        """Begin a session on a stream that has just opened, and subscribe to `topic`."""
        self._clear()
        self._stream = stream
        flags = 2 | (0xC0 if account else 0)
        body = b"\0\4MQTT\4" + struct.pack(">BH", flags, keepalive_s) + _text(client)
        if account:
            body += _text(account) + _text(password)
        asked = struct.pack(">H", _PACKET) + _text(topic) + b"\0"
        out = _framed(_CONNECT, body) + _framed(_SUBSCRIBE, asked)
        self.buf[: len(out)] = out
        self._end = len(out)

    def close(self):
        """Forget the stream: it is over."""
        self._stream = None
        self.is_up = False

    def is_free(self):
        """Whether `buf` may be filled: nothing of it is still to leave."""
        return self._at == self._end

    def publish(self, topic, at, end, retain=False):
        """Send the message `buf[at:end]`, which begins at BODY or behind it."""
        self._packet = self._packet % 0xFFFF + 1
        head = _text(topic) + struct.pack(">H", self._packet)
        head = _head(_PUBLISH | (_RETAIN if retain else 0), len(head) + end - at) + head
        self._at = at - len(head)
        self.buf[self._at : at] = head
        self._end = end
        self.unanswered += 1

    def ping(self):
        """Say that the node is there."""
        self.buf[:2] = bytes((_PING, 0))
        self._at, self._end = 0, 2

    def step(self):
        """Send what can leave, take in what came."""
        stream = self._stream
        if stream is None:
            return
        if self._at < self._end:
            self._at += stream.send(self._view[self._at : self._end])
        for _ in range(_READS):
            room = memoryview(self._in)[self._have :]
            count = stream.receive(room)
            if not count:
                return
            self._have += count
            while self._take():
                pass

    def _take(self):
        """Handle the first packet of what came; False when it is not whole yet."""
        have, packet = self._have, self._in
        if self._skip:
            gone = min(self._skip, have)
            self._skip -= gone
            self._drop(gone)
            return self._have > 0 and not self._skip
        length = shift = 0
        for at in range(1, 5):
            if at >= have:
                return False
            length |= (packet[at] & 127) << shift
            shift += 7
            if packet[at] < 128:
                break
        else:
            raise OSError("the broker speaks no MQTT")
        whole = at + 1 + length
        if whole > _MOST_IN:
            self._skip = whole
            return True
        if whole > have:
            return False
        self._handle(packet[0], at + 1, whole)
        self._drop(whole)
        return self._have > 0

    def _drop(self, count):
        left = self._have - count
        self._in[:left] = self._in[count : self._have]
        self._have = left

    def _handle(self, first, at, end):
        packet = self._in
        kind = first & 0xF0
        if kind == _ACCEPTED:
            code = packet[at + 1] if end - at >= 2 else 1
            if code:
                raise OSError("the broker refuses: " + _REFUSED[min(code, len(_REFUSED) - 1)])
        elif kind == _SUBSCRIBED:
            if end - at < 3 or packet[at + 2] > 2:
                raise OSError("the broker refuses the node's topic")
            self.is_up = True
        elif kind == _ACKNOWLEDGED:
            self.unanswered = max(0, self.unanswered - 1)
        elif kind == _PUBLISHED and end - at >= 2:
            at += 2 + (packet[at] << 8 | packet[at + 1])
            if first & 6:  # nobody asked for such quality, but a broker may
                at += 2
            if at <= end:
                self._heard(bytes(packet[at:end]))


def _text(text):
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _head(first, length):
    out = bytes((first,))
    while True:
        length, low = length >> 7, length & 127
        out += bytes((low | 128 if length else low,))
        if not length:
            return out


def _framed(first, body):
    return _head(first, len(body)) + body
