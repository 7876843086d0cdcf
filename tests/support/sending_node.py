# SPDX-License-Identifier: MIT
"""A node that only sends: pages, and the messages that FORMAT.md section 14 makes of them."""

import random
import secrets
import struct
from dataclasses import dataclass, field

from peer import FakeLog

from tirta.link.aes import aes
from tirta.receive import keys
from tirta_format import access, page, uplink, uplink_hello, uplink_ledger, uplink_seal, varint

NODE = "02fb6be3ee96"
FLEET = bytes(range(32))
EPOCH = 77
KEYS = keys.of_fleets({"waterworks": FLEET})
Message = tuple[str, bytes]


@dataclass
class SendingNode:
    """A node that only sends: pages, and the messages that FORMAT.md section 14 makes of them."""

    pages: dict[int, bytes]
    end: int  # of the chunks in the newest page
    next_number: int = 500
    oldest_number: int = 0
    node: str = NODE
    boot: int = 1
    counter: int = 0
    key: bytes = b""
    run: bytes = b""
    sealed: tuple[bytes, bytes] = (b"", b"")
    ledgers: dict[bytes, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key = bytes(access.node_key(FLEET, self.node))
        self.start()

    @property
    def newest(self) -> int:
        return max(self.pages)

    @property
    def uplink_key(self) -> bytes:
        return bytes(uplink.uplink_key(self.key, self.node))

    def start(self) -> None:
        """A boot: another run."""
        self.boot += 1
        self.counter = 0
        self.run = struct.pack("<IH", 5, self.boot) + secrets.token_bytes(10)
        first, second = uplink.up_keys(self.uplink_key, self.node, self.run)
        self.sealed = bytes(first), bytes(second)
        self.ledgers = {}

    def _seal(self, kind: int, letter: str, first: bytes, body: bytes) -> Message:
        self.counter += 1
        head = bytes(uplink_seal.head(first, self.counter))
        buf = bytearray(head + body + bytes(uplink_seal.ROOM))
        end = uplink_seal.close(
            aes, self.sealed, kind, self.counter, buf, len(head), len(head) + len(body)
        )
        return f"tirta/{self.node}/{letter}", bytes(buf[:end])

    def hello(self) -> Message:
        told = (
            EPOCH, self.boot, self.next_number, self.oldest_number, self.newest, self.end, 9, 0, 0,
        )  # fmt: skip
        body = uplink_hello.hello(told, uplink_hello.spans_of(self.pages))
        head = b"\1" + bytes(access.key_name(self.key, self.node)) + self.run
        return self._seal(uplink_seal.HELLO, "h", head, bytes(body))

    def piece(self, sequence: int, at: int, end: int) -> Message:
        """As a node cuts it: 0xFF up to the end of a page does not travel."""
        data, whole = self.pages[sequence][at:end], 0
        if end == page.SIZE:
            whole = page.SIZE
            data = data[: uplink_seal.LEAST] + data[uplink_seal.LEAST :].rstrip(b"\xff")
        body = varint.encode(sequence) + varint.encode(at + whole) + data
        return self._seal(uplink_seal.PIECE, "p", self.run[-1:], bytes(body))

    def size(self, sequence: int) -> int:
        return self.end if sequence == self.newest else page.SIZE

    def hear(self, message: bytes) -> bool:
        """Take a ledger as a node does; whether it is one of this run."""
        archive = message[1:17]
        keys_down = tuple(
            map(bytes, uplink.down_keys(self.uplink_key, self.node, self.run, archive))
        )
        counter, at = varint.get(message, 17, len(message))
        body = uplink.open_(aes, keys_down, uplink_seal.LEDGER, counter, message[at:])
        if body is not None:
            self.ledgers[archive[:8]] = bytes(body)
        return body is not None

    def lacking(self) -> list[Message]:
        """A piece for each page that some ledger lacks, from where on it lacks it."""
        sent = []
        for sequence in sorted(self.pages, reverse=True):
            known = min(
                (uplink_ledger.known(body, sequence) for body in self.ledgers.values()), default=0
            )
            if known < self.size(sequence):
                at = min(known, self.size(sequence) - uplink_seal.LEAST)
                sent.append(self.piece(sequence, at, min(self.size(sequence), at + 2048)))
        return sent


def logged_node(log: FakeLog, node: str) -> SendingNode:
    """A node with the pages of a log that can be read."""
    pages = {sequence: bytes(data) for sequence, data in log.pages.items()}
    return SendingNode(pages, log.end, log.number, node=node)


def make_node(chance: random.Random, count: int, node: str = NODE) -> SendingNode:
    """`count` pages with headers and noise behind them; sequences with gaps."""
    pages: dict[int, bytes] = {}
    sequence = 0
    for number in range(count):
        sequence += chance.choice((1, 1, 1, 2))
        head = page.Header(2, sequence, EPOCH, number * 100, number * 100, 1, 9)
        content = page.MARK + bytes(head.pack())
        pages[sequence] = content + chance.randbytes(page.SIZE - len(content))
    return SendingNode(pages, chance.randrange(page.HEADER_SIZE, page.SIZE), node=node)
