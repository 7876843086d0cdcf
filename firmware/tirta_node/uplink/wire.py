# SPDX-License-Identifier: MIT
"""A connection to a broker of MQTT 3.1.1, as long as it stands, and for a node without one the room
that it will need. It never waits: one packet is on its way out, what comes in comes by pieces.

A message is published with quality of service 1, and its acknowledgement only tells that the broker
is alive. A packet leaves in one write, header and payload together. How a session begins is in
connect.py. Called by `unload`.
"""

import struct

from cryptolib import aes
from micropython import const

from tirta_format import uplink_seal
from tirta_node import unload
from tirta_node.hal.radio import Radio

BODY = const(48)  # where the body of a message may begin in `buf`: before it is room for its header
_BUFFER = const(48 + 16 + 1368 + 24)  # BODY, what stands before a body, a piece, uplink_seal.ROOM
_PUBLISH, _RETAIN = const(0x32), const(1)
_PUBLISHED, _ACKNOWLEDGED = const(0x30), const(0x40)
_MOST_IN = const(640)  # longer packets are passed over
_ASKED = b"lq"  # last letters of topics
_FEW = const(64)  # bytes of them that have room until a longer one comes
_READS = const(4)  # in one step, whatever comes
_SILENT_MS = const(30000)  # of a broker that has messages to acknowledge
_MOST = const(8)  # messages under way


def begin(carrier):
    """Make the Wire of this Carrier, and switch its radio on."""
    return Wire(carrier)


def again(kept):
    """Make the Wire once more that was put aside."""
    made = object.__new__(Wire)
    for name in kept:
        setattr(made, name, kept[name])
    made.make_room()
    return made


def _station(settings, secrets):
    """What joins the network: the board's Ethernet, or Wi-Fi."""
    if "ethernet" in settings:
        return unload.call("tirta_node.hal.wired", "begin", settings["ethernet"])
    return unload.call("tirta_node.hal.joining", "begin", settings["ssid"], secrets.get("wifi", ""))


class Wire:
    """`buf` is for packets on their way out. Every method may raise OSError: then the connection is
    over.
    """

    def __init__(self, carrier):
        self.make_room()
        self._in = bytearray(_FEW)
        self._carrier = carrier
        self.radio = Radio(_station(carrier.settings, carrier.secrets))
        self.clear()

    def make_room(self):
        """Have a buffer."""
        self.buf = bytearray(_BUFFER)
        self._view = memoryview(self.buf)

    def put_aside(self):
        """What `again` makes it of, while nothing is to leave."""
        self.buf = bytearray(0)
        self._view = memoryview(self.buf)
        return dict(self.__dict__)

    def clear(self):
        """Forget the connection, if there was one."""
        self.radio.close()
        self.at = self.end = 0  # what is to leave of `buf`
        self._have = 0  # bytes of a packet that comes
        self._skip = 0  # bytes of one that is too long
        self.is_up = False  # the broker takes and brings messages
        self.greeted = None  # greeted(kind, body): takes what else comes, until then
        self.unanswered = 0  # messages that the broker has not acknowledged
        self.packet = 1  # identifier of the last packet
        self.came = None  # (last byte of its topic, payload) of a message that nobody took yet
        self.sent_ms = self.came_ms = self._answered_ms = 0  # of the last messages

    def is_free(self):
        """Whether `buf` may be filled: nothing of it is still to leave."""
        return self.at == self.end and self.unanswered < _MOST

    def seal(self, kind, letter, first, n):
        """Send a body of n bytes under this run's keys, and its next counter."""
        carrier = self._carrier
        carrier.counter += 1
        self.send(kind, letter, first, n, carrier.keys, carrier.counter)

    def body(self, first, counter):
        """Where a body belongs in `buf`; `first` and the counter stand before it openly."""
        return BODY + len(uplink_seal.head(first, counter))

    def send(self, kind, letter, first, n, keys, counter):
        """Publish the n bytes that lie in `buf` at `body`, sealed where there are keys."""
        head = uplink_seal.head(first, counter)
        at = BODY + len(head)
        end = at + n
        self.buf[BODY:at] = head
        if keys is not None:
            end = uplink_seal.close(aes, keys, kind, counter, self.buf, at, end)
        self._publish(letter, end, kind == uplink_seal.HELLO)

    def _publish(self, letter, end, retain):
        """Send the message `buf[BODY:end]` to the node's topic of that letter."""
        self.packet = self.packet % 0xFFFF + 1
        topic = ("tirta/%s/%s" % (self._carrier.name, letter)).encode()
        head = struct.pack(">H", len(topic)) + topic + struct.pack(">H", self.packet)
        first = bytes((_PUBLISH | (_RETAIN if retain else 0),))
        head = uplink_seal.head(first, len(head) + end - BODY) + head
        self.at = BODY - len(head)
        self.buf[self.at : BODY] = head
        self.end = end
        if not self.unanswered:
            self._answered_ms = self._carrier.now
        self.unanswered += 1
        self.sent_ms = self._carrier.now

    def ping(self):
        """Say that the node is there."""
        self.buf[:2] = b"\xc0\0"
        self.at, self.end = 0, 2
        self.sent_ms = self._carrier.now

    def step(self):
        """Send what can leave, take in what came."""
        radio = self.radio
        if self.at < self.end:
            self.at += radio.send(self._view[self.at : self.end])
        for _ in range(_READS):
            while self.came is None and self._take():
                pass
            if self.came is not None:
                return
            count = radio.receive(memoryview(self._in)[self._have :])
            if not count:
                break
            self._have += count
        if not radio.is_joined():
            raise OSError("the network is lost")
        if self.unanswered and self._carrier.now - self._answered_ms > _SILENT_MS:
            raise OSError("the broker is silent")

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
            if whole > len(packet):
                self._in = packet + bytes(whole - len(packet))
            return False
        first, body = packet[0], bytes(memoryview(packet)[at + 1 : whole])
        self._drop(whole)
        if first & 0xF0 == _ACKNOWLEDGED:
            self.unanswered = max(0, self.unanswered - 1)
            self._answered_ms = self._carrier.now
        elif first & 0xF0 == _PUBLISHED and length > 2:
            at = 2 + (body[0] << 8 | body[1])
            # Nobody takes what a broker brings unasked, or before it has subscribed the node.
            if at <= length and self.is_up and body[at - 1] in _ASKED:
                # With an identifier in between, if a broker brings such quality.
                self.came = body[at - 1], body[at + 2 if first & 6 else at :]
                self.came_ms = self._carrier.now
        elif self.greeted is not None:
            self.greeted(first & 0xF0, body)
        return self._have > 0

    def _drop(self, count):
        left = self._have - count
        self._in[:left] = self._in[count : self._have]
        self._have = left
        if left <= _FEW < len(self._in):
            self._in = self._in[:_FEW]
