# SPDX-License-Identifier: MIT
"""The way to a broker that has accepted the node: network, name, connection, greeting.
Called by `unload`; it leaves RAM when the connection stands.

Sessions are clean: what a broker would keep for a node is a ledger, which a node that connects asks
for anew.
"""

import os
import struct

from micropython import const

from tirta_node.hal import joining
from tirta_node.uplink import name_query

_CONNECT, _SUBSCRIBE = const(0x10), const(0x82)
_ACCEPTED, _SUBSCRIBED = const(0x20), const(0x90)
_SUBSCRIPTION = b"\0\1"  # its identifier
_REFUSED = const(0x80)
_JOIN_MS = const(300000)  # of a network, which drivers never give up
_ANSWER_MS = const(10000)  # of a name, a connection, a broker's greeting
_SOON_MS, _IDLE_MS = const(20), const(500)
_WHY = (
    "", "another protocol", "the client's name", "not available", "account or password",
    "not allowed",
)  # fmt: skip
# Each state, and what is wrong where it lasts too long.
_LATE = {
    "name": "the broker's name is not answered", "open": "the broker does not answer",
    "greet": "the broker does not greet",
}  # fmt: skip


def begin(carrier, wire):
    """Make the Connector of this Carrier and Wire."""
    return Connector(carrier, wire)


class Connector:
    """`step` raises OSError where something fails; `wire.is_up` in the end."""

    def __init__(self, carrier, wire):
        self._carrier = carrier
        self._wire = wire
        self._number = struct.unpack("<H", os.urandom(2))[0]  # of a question for a name
        self._waits = None  # for a name or a connection
        self._enter("join")

    def _enter(self, state, waits=None):
        self.close()
        self._waits = waits
        self._carrier.state = state
        self._since_ms = self._carrier.now
        return _SOON_MS

    def close(self):
        """Let go of what is not the Wire's yet."""
        if self._waits is not None:
            self._waits.close()
            self._waits = None

    def step(self):
        """Go one step; return in how many milliseconds to look again."""
        carrier, wire = self._carrier, self._wire
        host = carrier.settings["broker"]
        if carrier.state == "join":
            if not wire.radio.is_joined():
                carrier.problem = joining.problem(wire.radio, "ethernet" in carrier.settings)
                if carrier.now - self._since_ms > _JOIN_MS:
                    raise OSError(carrier.problem)
                return _IDLE_MS
            if name_query.is_address(host):
                return self._dial(host)
            asked = name_query.question(host, self._number)
            return self._enter("name", joining.Asker(wire.radio, asked))
        if carrier.now - self._since_ms > _ANSWER_MS:
            raise OSError(_LATE[carrier.state])
        if carrier.state == "greet":
            wire.step()
            return _SOON_MS
        waits = self._waits
        if waits is None:
            return _SOON_MS
        answer = waits.answer()
        if answer and carrier.state == "name":
            address = name_query.answer(answer, self._number)
            if not address:
                raise OSError("the broker's name has no address")
            return self._dial(address)
        if answer:
            wire.radio.socket, self._waits = waits.socket, None
            self._enter("greet")
            self._greet()
        return _SOON_MS

    def _dial(self, address):
        return self._enter("open", joining.Dial((address, self._carrier.settings["port"])))

    def _greet(self):
        """Ask for a session and a subscription in one packet."""
        carrier, wire = self._carrier, self._wire
        name, secret = carrier.name, carrier.secrets.get("broker", "")
        account = carrier.settings.get("account", name if "broker" in carrier.secrets else "")
        keepalive_s = min(65535, max(60, carrier.settings["push_s"] * 3 // 2))
        flags = 2 | (0xC0 if account else 0)
        asked = b"\0\4MQTT\4" + struct.pack(">BH", flags, keepalive_s) + _text(name)
        if account:
            asked += _text(account) + _text(secret)
        topics = _SUBSCRIPTION
        for letter in "lq":
            topics += _text("tirta/%s/%s" % (name, letter)) + b"\0"
        out = _framed(_CONNECT, asked) + _framed(_SUBSCRIBE, topics)
        wire.buf[: len(out)] = out
        wire.at, wire.end = 0, len(out)
        wire.greeted = self._greeted

    def _greeted(self, kind, body):
        if kind == _ACCEPTED:
            code = body[1] if len(body) >= 2 else 1
            if code:
                raise OSError("the broker refuses: " + _WHY[min(code, len(_WHY) - 1)])
        elif kind == _SUBSCRIBED:
            if len(body) < 3 or body[2] >= _REFUSED:  # ledgers; questions may be refused
                raise OSError("the broker refuses the node's topic")
            self._wire.greeted = None
            self._wire.is_up = True


def _text(text):
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _framed(first, body):
    out, length = bytes((first,)), len(body)
    while True:
        length, low = length >> 7, length & 127
        out += bytes((low | 128 if length else low,))
        if not length:
            return out + body
