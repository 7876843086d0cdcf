# SPDX-License-Identifier: MIT
"""A locked virtual node, and a laptop without any help of ours: raw frames, own keys."""

import struct
from dataclasses import dataclass, field
from typing import Any, Self

from nodes import FAST_BAUD, Nodes
from patience import HANG_S, Patience

from tirta import virtual
from tirta.errors import TirtaError
from tirta.keys.credential import Credential, node_key
from tirta.link.frames import Link
from tirta.link.login import Guard
from tirta.link.serial_line import Line
from tirta.link.session import Session
from tirta.node import Node
from tirta_format import access, frame, seals

FLEET = bytes(range(32))
OTHER_FLEET = bytes(range(1, 33))


def up(
    nodes: Nodes, name: str = "locked", config: bytes | None = None, **options: Any
) -> tuple[str, str]:
    """Start a locked node; its port and its id, when it answers."""
    port = nodes.up(name, app=True, config=config, fleet=FLEET, **options).port
    return port, awake(port)


def power_cycle(port: str, name: str = "locked") -> None:
    """Power away and back; the clock is unset afterwards. Returns when the node answers."""
    virtual.cut(name)
    virtual.up(name)
    awake(port)


def awake(port: str, mode: str = "locked") -> str:
    """Wait until a node answers; its id."""
    patience = Patience()
    while True:
        try:
            with Node(port, FAST_BAUD) as node:
                assert node.hello.mode == mode
                return node.hello.node
        except TirtaError:
            if patience.over():
                raise


def credential(node: str, role: int, fleet: bytes = FLEET, **fields: int) -> Credential:
    """Serial 7, issued at 1, never expiring, unless told otherwise."""
    claims = access.claims(
        role, fields.get("serial", 7), fields.get("issued", 1), fields.get("expires", access.NEVER)
    )
    return Credential(node, claims, access.credential_key(node_key(fleet, node), claims))


@dataclass
class Wire:
    """One laptop on a line: requests as they are, and what came back."""

    port: str
    line: Line = field(init=False)
    sequence: int = 0

    def __post_init__(self) -> None:
        self.line = Line(self.port, FAST_BAUD)
        self.link = Link(self.line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.line.close()

    def ask(self, kind: int, payload: bytes = b"", wait_s: float = HANG_S) -> tuple[int, bytes]:
        """(type, payload) of the answer; (0, b"") when none comes."""
        self.sequence = (self.sequence + 1) % 256
        return self.say(frame.encode(kind, self.sequence, payload), wait_s)

    def say(self, data: bytes, wait_s: float = HANG_S) -> tuple[int, bytes]:
        """The same for bytes on the line, whatever their sequence. An answer to the hello of a
        laptop before this one may still be on its way: it is nobody's.
        """
        asked = frame.decode(data.strip(b"\0"))
        stale = None if asked and asked[0] == frame.HELLO else frame.HELLO + frame.ANSWER
        self.line.write(data)
        patience = Patience(wait_s)
        pending = b""
        while not patience.over():
            *whole, pending = (pending + self.line.read(0.1)).split(b"\0")
            for part in whole:
                found = frame.decode(part)
                if found and found[0] != stale:
                    return found[0], found[2]
        return 0, b""

    def log_in(self, made: Credential) -> Session:
        """A session, or an assertion that fails."""
        kind, nonce = self.ask(access.CHALLENGE)
        assert kind == access.CHALLENGE + frame.ANSWER, nonce
        session = Session(made, nonce)
        kind, answer = self.ask(access.LOGIN, session.login())
        assert kind == access.LOGIN + frame.ANSWER, answer
        session.check(answer)
        return session

    def sealed(self, session: Session, kind: int, payload: bytes = b"") -> bytes:
        """The next frame of a session, as it goes over the line."""
        self.sequence = (self.sequence + 1) % 256
        data: bytes = frame.encode(
            seals.SEALED, self.sequence, session.seal(kind, self.sequence, payload)
        )
        return data

    def ask_sealed(self, session: Session, kind: int, payload: bytes = b"") -> tuple[int, bytes]:
        """(type, payload) inside the sealed answer."""
        sent = self.sealed(session, kind, payload)
        opened = session.open_(*self._framed(sent))
        assert opened is not None, "the answer is not to be trusted"
        return opened

    def _framed(self, sent: bytes) -> tuple[int, int, bytes]:
        kind, payload = self.say(sent)
        return kind, self.sequence, payload


def guarded(node: Node, *credentials: Credential) -> Node:
    """A node whose laptop has these credentials and no others."""

    def candidates(name: str, role: int) -> list[Credential]:
        return [c for c in credentials if c.node == name and c.role >= role]

    node.link.guard = Guard(node.link, node.hello.node, candidates)
    return node


def refused(answer: tuple[int, bytes], code: int = access.NOT_ALLOWED) -> bool:
    """Whether the answer is a refusal with this code."""
    return answer[0] == frame.REFUSAL and answer[1][0] == code


def clock_payload(unix_s: int) -> bytes:
    """The payload of a clock set."""
    return struct.pack("<QI", unix_s * 1000, 50)
