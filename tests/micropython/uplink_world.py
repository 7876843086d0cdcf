# SPDX-License-Identifier: MIT
"""A network that fails between the node's own sender and two archives, in simulated time.

Stands where `tirta_node.hal.radio` and `joining` stand. Bytes leave in parts; the broker loses,
doubles and reorders messages; archives lose what they have not flushed, and their ledgers get lost,
come late, changed, or out of an older run. `faults` counts what was done.
"""

import random
import struct
import sys

import nochip  # noqa: F401 - before what imports the hal
from cryptolib import aes

import tirta_node.hal
from tirta_format import uplink, uplink_hello, uplink_notes, uplink_seal, varint

KEY, NAME = bytes(range(32)), "0214493f5f54"
WHOLE, HEAD = 4096, 40
NUMBER = 12  # where a page's header has the number of its first record
UNIX_MS = 1800000000000
LEDGERS = b"\0\x14tirta/%s/l" % NAME.encode()  # topic, with its length


class Network:
    """The way to the broker, and the time."""

    def __init__(self):
        self.now_ms = self.faults = 0
        self.sent = self.received = 0  # bytes that left the node, and came to it
        self.packets = 0  # writes and reads that had bytes
        self.way = True
        self.joins = True  # the radio's driver does
        self.clean = False  # nothing fails any more
        self.stream = None
        self.inbox = []  # (when it arrives, archive, topic's letter, payload)
        self.down = []  # (when it arrives, payload)
        self.archives = []

    def fails(self, percent):
        """Whether a fault happens here; then it counts."""
        failed = not self.clean and random.randrange(100) < percent
        self.faults += failed
        return failed

    def soon(self):
        """When something arrives: out of order, now and then."""
        return self.now_ms + (random.randrange(30000) if self.fails(3) else 20)

    def route(self, letter, payload):
        """Bring a node's message to every archive, or not."""
        for archive in self.archives:
            if self.fails(4):
                continue
            for _ in range(2 if self.fails(4) else 1):
                self.inbox.append((self.soon(), archive, letter, payload))

    def publish(self, ledger):
        """Bring a ledger to the node, or something else."""
        if self.fails(6):
            return
        if self.fails(4):
            forged = bytearray(ledger)
            forged[random.randrange(len(forged))] ^= 1 << random.randrange(8)
            self.down.append((self.soon(), bytes(forged)))
        self.down.append((self.soon(), ledger))
        if self.fails(4):
            self.down.append((self.now_ms + random.randrange(600000), ledger))

    def deliver(self):
        """Hand over what is due."""
        due = [each for each in self.inbox if each[0] <= self.now_ms]
        self.inbox = [each for each in self.inbox if each[0] > self.now_ms]
        for _, archive, letter, payload in due:
            archive.take(letter, payload)
        due = [each for each in self.down if each[0] <= self.now_ms]
        self.down = [each for each in self.down if each[0] > self.now_ms]
        if self.stream is not None and self.stream.subscribed:
            for _, payload in due:
                body = LEDGERS + payload
                self.stream.out += b"\x30" + varint.encode(len(body)) + body
        for archive in self.archives:
            archive.step()

    def lose_stream(self):
        """The connection is over, in the middle of whatever it was in."""
        if self.stream is not None:
            self.stream.dead = True
            self.stream = None


net = Network()


class Radio:
    def __init__(self, station):
        self.socket = None

    def is_joined(self):
        if not net.joins:
            return False
        return net.way or random.randrange(2) == 0  # a router may be dead behind an access point

    def send(self, data):
        return self.socket.send(data)

    def receive(self, buf):
        return self.socket.receive(buf)

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def switch_off(self):
        self.close()
        net.joins = True


def begin(ssid, key):
    """No station: what the radio is like is the network's."""


def problem(radio, by_cable):
    return "joining the access point"


class Dial:
    def __init__(self, address):
        self.socket = Stream(address)

    def answer(self):
        return net.way

    def close(self):
        self.socket.close()


class Stream:
    """A connection to a broker that speaks as much of MQTT 3.1.1 as it must."""

    def __init__(self, address):
        self.out = bytearray()
        self._in = bytearray()
        self.dead = self.subscribed = False
        net.stream = self

    def send(self, data):
        if self.dead:
            raise OSError(104)
        if not net.way:
            return 0
        count = random.randrange(1, len(data) + 1) if random.randrange(3) else len(data)
        self._in += bytes(data[:count])
        net.sent += count
        net.packets += 1
        while self._packet():
            pass
        return count

    def receive(self, buf):
        if self.dead:
            raise OSError(104)
        count = min(len(buf), len(self.out)) if net.way else 0
        if count and random.randrange(3) == 0:
            count = random.randrange(1, count + 1)
        buf[:count] = self.out[:count]
        self.out = self.out[count:]
        net.received += count
        net.packets += count > 0
        return count

    def close(self):
        if net.stream is self:
            net.stream = None
        self.dead = True

    def _packet(self):
        data = self._in
        try:
            size, at = varint.get(data, 1, len(data))
        except ValueError:
            return False
        if at + size > len(data):
            return False
        kind, body = data[0], bytes(data[at : at + size])
        self._in = data[at + size :]
        if kind == 0x10:
            self.out += b"\x20\2\0\0"
        elif kind == 0x82:
            self.subscribed = True
            # A broker may bring messages first, and amqtt brings those of another node.
            letter = b"hlq"[random.randrange(3) :][:1]
            self.out += b"\x31\x0c\0\x09tirta/x/" + letter + b"!"
            self.out += b"\x90\3" + body[:2] + b"\0"
        elif kind & 0xF0 == 0x30:
            n = struct.unpack_from(">H", body, 0)[0]
            if not net.fails(1):
                self.out += b"\x40\2" + body[2 + n : 4 + n]
            net.route(body[1 + n : 2 + n], body[4 + n :])
        return True


class Archive:
    """Pages as they came, flushed or not, and the ledger of what is flushed. Written for this test;
    the laptop's own is tested in tests/host/test_receive.py.
    """

    def __init__(self, name):
        self._name = name
        self.durable = {}
        self.differed = set()  # pages of which bytes came again, and others
        self.tells_time = False
        self._hello = {}
        self._runs = []  # [run, keys, heard], the newest at the end
        self._start()

    def _start(self):
        self.id = self._name + bytes([random.randrange(256) for _ in range(8)])
        self._pages = dict(self.durable)
        self._due_ms = self._flush_ms = -1
        self._even = False  # nothing lacked at the last ledger
        self._quiet_ms = 0  # until which none is due then
        for run in self._runs:
            run[3] = run[2]

    def kill(self, flushed):
        """End as by a power cut: before what came was flushed, or after, before a ledger told."""
        if flushed:
            self._flush()
        self._start()

    def _flush(self):
        self._flush_ms = -1
        self.durable = dict(self._pages)
        for run in self._runs:
            run[2] = run[3]

    def take(self, letter, payload):
        """A hello or a piece; what cannot be opened is dropped."""
        if letter == b"h":
            run = payload[9:25]
            counter, at = varint.get(payload, 25, len(payload))
            keys = uplink.up_keys(KEY, NAME, run)
            body = uplink.open_(aes, keys, uplink_seal.HELLO, counter, payload[at:])
            if body is None:
                return
            self._hello, self._spans = uplink_notes.read_hello(body)
            self.epoch = self._hello["epoch"]
            known = [each for each in self._runs if each[0] == run]
            if not known:
                if self._runs and run[:6] < self._runs[-1][0][:6]:
                    return  # an old hello again; these runs count in the first byte
                known = [[run, keys, 0, 0]]
                self._runs += known
            known[0][3] = max(known[0][3], counter)
            self._due_ms = net.now_ms
            return
        counter, at = varint.get(payload, 1, len(payload))
        for run in reversed(self._runs):
            if run[0][-1] == payload[0]:
                body = uplink.open_(aes, run[1], uplink_seal.PIECE, counter, payload[at:])
                if body is not None:
                    run[3] = max(run[3], counter)
                    self._even = self._keep(body) and self._even
                    self._flush_ms = max(self._flush_ms, net.now_ms + 2000)
                    if not self._even or net.now_ms > self._quiet_ms:
                        self._due_ms = max(self._due_ms, net.now_ms + 2000)
                    return

    def _keep(self, body):
        page, at = varint.get(body, 0, len(body))
        begin, at = varint.get(body, at, len(body))
        data, have = body[at:], self._pages.get(page, b"")
        if begin >= WHOLE:
            begin -= WHOLE
            data += b"\xff" * (WHOLE - begin - len(data))
        if begin > len(have):
            return False  # what is before it was lost: the ledger asks for it again
        both = min(len(have), begin + len(data)) - begin
        if have[begin : begin + both] != data[:both]:
            self.differed.add(page)
        if begin + len(data) > len(have):
            self._pages[page] = have + data[both:]
        return True

    def _size(self, page):
        return len(self.durable.get(page, b""))

    def oldest_number(self):
        """Of the records that the node had at its last hello."""
        return self._hello.get("oldest_number", -1)

    def _safe(self, pages):
        """The first number of the newest page, when all of those before it are here."""
        newest = max(pages)
        if any(self._size(p) < WHOLE for p in pages if p != newest) or self._size(newest) < HEAD:
            return 0
        return struct.unpack_from("<I", self.durable[newest], NUMBER)[0]

    def step(self):
        """Flush and answer, when that is due."""
        if 0 <= self._flush_ms <= net.now_ms:
            self._flush()
        if not 0 <= self._due_ms <= net.now_ms or not self._runs:
            return
        self._due_ms = -1
        self._flush()
        run, _, heard, _ = self._runs[-1]
        self._quiet_ms = net.now_ms + 86400000
        pages = [page for first, last in self._spans for page in range(first, last + 1)]
        told = self._hello
        ends = [(p, told["end"] if p == told["newest_page"] else WHOLE) for p in pages]
        self._even = all(self._size(p) >= end for p, end in ends)
        whole = sorted([p for p, d in self.durable.items() if len(d) == WHOLE], reverse=True)
        parts = sorted([(p, len(d)) for p, d in self.durable.items() if len(d) < WHOLE])
        spans = uplink_hello.spans_of(whole)
        unix_ms = UNIX_MS + net.now_ms if self.tells_time else 0
        safe = self._safe(pages) if self.tells_time else 0
        body = uplink_notes.ledger(self.epoch, heard, safe, unix_ms, 50, spans, parts[::-1])
        counter = heard * 1000 + random.randrange(1000)  # under one key never twice
        keys = uplink.down_keys(KEY, NAME, run, self.id)
        buf = bytearray(body) + bytearray(uplink_seal.ROOM)
        end = uplink_seal.close(
            aes, keys, uplink_seal.LEDGER, counter & 0xFFFFFFFF, buf, 0, len(body)
        )
        net.publish(b"\1" + self.id + varint.encode(counter) + bytes(buf[:end]))


class _Module:
    pass


joining = {"begin": begin, "Dial": Dial, "problem": problem}
for name, members in (("radio", {"Radio": Radio}), ("joining", joining)):
    stub = _Module()
    for member, value in members.items():
        setattr(stub, member, value)
    sys.modules["tirta_node.hal." + name] = stub
    setattr(tirta_node.hal, name, stub)
