# SPDX-License-Identifier: MIT
"""A node without a line or a clock: what both wait for takes no time, so thousands of lies are told
in a minute, and a wait that would not end is seen at once.

`LiarNode` answers every request as a node does, from the formats alone; a *lie* takes the place of
what it would say. `shared` puts the laptop's code in front of it, with a clock that only the line
moves. The clock ends what waits too long without a word to whoever waits (`HangError`).
"""

import json
import secrets
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from types import ModuleType
from typing import Any

import pytest
from liar_rare import RareAnswers, slot_image, small_bundle
from peer import EPOCH, UNIX_MS, Peer

from tirta import patience
from tirta.cli import build_parser
from tirta.keys.credential import Credential, node_key
from tirta.keys.vault import Vault
from tirta.link.serial_line import Line
from tirta_format import access, frame, hmac, seals
from tirta_format import config as format_config

NODE = "02fb6be3ee96"
FLEET = bytes(range(32))
SILENT_S = 10.0  # of the clock, without an end, a word or progress
MOST_S = 400.0
MOST_READS = 200_000  # of the line: beyond it something goes round and round
_BYTES_S = 92_160

Reply = tuple[int, bytes]
Lie = Callable[[int, list[Reply]], list[Reply]]  # a request's type and the true answer


class HangError(BaseException):
    """Nothing would ever end it; no code of ours catches this."""


class LiarNode(RareAnswers, Peer):
    """The side of a node that answers; `lie` has the last word. With `key` it is locked."""

    def __init__(self, *, locked: bool = False) -> None:
        self.begin(NODE)
        self.lie: Lie = lambda _kind, replies: replies
        self.wire: Lie = lambda _kind, replies: replies  # what somebody on the line makes of it
        self.key = node_key(FLEET, NODE) if locked else None
        self.down_s = 0.0  # how long a start takes; nothing is heard then, and said only `boot_log`
        self.boot_log = b""
        self.says_open = False  # an impostor's, who has no key
        self.heard: list[tuple[int, bytes]] = []  # what came in plain: type and payload
        self._nonce = b""
        self._keys: tuple[bytes, bytes, bytes] | None = None
        self._counter = 0

    def replies(self, kind: int, sequence: int, payload: bytes) -> list[Reply]:
        """The frames that follow a request."""
        return self.wire(kind, self._replies(kind, sequence, payload))

    def _replies(self, kind: int, sequence: int, payload: bytes) -> list[Reply]:
        self.requests.append(kind)
        self.heard.append((kind, payload))
        if kind == seals.SEALED and self.key:
            opened = self._keys and seals.unseal(self._keys[0], kind, sequence, payload)
            if not opened or opened[1] <= self._counter:
                return self.lie(kind, [_refusal(access.NOT_ALLOWED)])
            inner, self._counter, content = opened
            told = self.lie(inner, self.truth(inner, bytes(content)))
            return [self._sealed(sequence, *each) for each in told]
        if self.key and kind not in {frame.HELLO, frame.STATUS, access.CHALLENGE, access.LOGIN}:
            return self.lie(kind, [_refusal(access.NOT_ALLOWED)])
        return self.lie(kind, self.truth(kind, payload, sealed=not self.key))

    def truth(self, kind: int, payload: bytes, *, sealed: bool = True) -> list[Reply]:
        """What an honest node answers."""
        if kind == frame.READ:
            size = struct.unpack_from(frame.READ_SLICE, payload)[0]
            found: list[Reply] = []
            for asked in struct.iter_unpack(frame.READ_RANGE, payload[2:]):
                for page, at, data in self._slices(size, *asked):
                    head = struct.pack(frame.DATA_HEAD, page, at, len(data))
                    found.append((frame.DATA, head + data.rstrip(b"\xff")))
            return [*found, (frame.END, struct.pack("<IB", len(found), frame.END_DONE))]
        if kind == frame.STATUS and not sealed:
            told = {"node": self.node, "mode": "locked", "locked_out_s": 0}
            return [(kind + frame.ANSWER, json.dumps(told).encode())]
        answer = getattr(self, f"_answer_{kind:02x}", None)
        if answer is None:
            return [_refusal(frame.BAD_REQUEST)]
        said = answer(payload)
        return [said] if isinstance(said, tuple) else [(kind + frame.ANSWER, said)]

    def _sealed(self, sequence: int, kind: int, payload: bytes) -> Reply:
        if kind in {frame.DATA, frame.END} or self._keys is None:
            return kind, payload
        outer = seals.SEALED + frame.ANSWER
        sealed = seals.seal(self._keys[1], outer, sequence, self._counter, kind, payload)
        return outer, bytes(sealed)

    @property
    def locked(self) -> bool:
        return self.key is not None and not self.says_open

    def _answer_01(self, _: bytes) -> bytes:
        mode = "locked" if self.locked else "open"
        return _json(
            tirta=1, node=self.node, board="virtual", firmware="0.1.0", mode=mode, name="inlet 7"
        )

    def _answer_02(self, _: bytes) -> bytes:
        return _json(
            node=self.node, mode="locked" if self.locked else "open", epoch=EPOCH,
            next_record=self.log.number, oldest_record=0, overruns=1, flash_overruns=2,
            worst_late_ms=3, lost=0, log_used=0.25, bad_pages=0, ring_used=1, clock="holdover",
            unix=UNIX_MS // 1000, uptime_s=4000, boot=1, cause="power on",
            config=format_config.config_hash(self.config_text), interval_s=1.0,
            alarms=["flash: worn"], heap_free=60_000, dropped_frames=0,
        )  # fmt: skip

    def _answer_0a(self, _: bytes) -> bytes:
        return _json(clock="synchronised", refused_by="")

    def _answer_0b(self, _: bytes) -> bytes:
        return b""

    def _answer_0c(self, _: bytes) -> bytes:
        self._slot = getattr(self, "_slot", 0) + 1
        return _json(
            number=self.log.number, boot=1, slot=self._slot, age_ms=20, unix_ms=UNIX_MS,
            values=[["flow", 1, 1], ["p_inlet", None, 9]],
        )  # fmt: skip

    def _answer_20(self, _: bytes) -> bytes:
        group = {
            "channels": ["flow", "p_inlet"], "period_ms": 60_000, "overruns": 1, "flash": 0,
            "worst_late_ms": 2, "late": [5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        }  # fmt: skip
        return _json(groups=[group], more=False, work={"encode": [3, 400], "commit": [1, 90_000]})

    def _answer_22(self, _: bytes) -> bytes:
        kept = {
            "sensor": "current", "scale": 100, "base": {"low": 0, "high": 10000},
            "keys": {"low": 1, "high": 10001}, "unix": UNIX_MS // 1000, "method": "2-point",
        }  # fmt: skip
        return _json(p_inlet=kept)

    def _answer_23(self, _: bytes) -> bytes:
        self._probe_ms = getattr(self, "_probe_ms", 0) + 4000
        return _json(raw=400_000, flag=1, centi=None, ms=self._probe_ms)

    def _answer_21(self, _: bytes) -> bytes:
        return b"{}"

    def _answer_34(self, _: bytes) -> bytes:
        return _json(district="7", latitude=-6.9, longitude=107.6)

    def _answer_18(self, _: bytes) -> bytes:
        self._nonce = secrets.token_bytes(access.NONCE_SIZE)
        return self._nonce

    def _answer_19(self, payload: bytes) -> bytes | Reply:
        size = struct.calcsize(access.CLAIMS)
        theirs, claims = payload[:16], payload[16 : 16 + size]
        if not self.key or not self._nonce or len(payload) != 16 + size + access.PROOF_SIZE:
            return _refusal(access.NOT_ALLOWED)
        made = access.credential_key(self.key, claims)
        nonces, self._nonce = self._nonce + theirs, b""
        right = access.laptop_proof(made, self.node, nonces, claims)
        if not hmac.equal(payload[16 + size :], right):
            return _refusal(access.NOT_ALLOWED)
        first, second, third = map(bytes, access.session_keys(made, self.node, nonces))
        self._keys, self._counter = (first, second, third), 0
        return bytes(access.node_proof(made, self.node, nonces, claims))

    def _answer_1b(self, payload: bytes) -> bytes | Reply:
        first, at, last, end = struct.unpack(access.DIGEST_REQUEST, payload)
        if last not in self.log.pages or first not in self.log.pages:
            return _refusal(frame.BAD_PAYLOAD)
        hashed = sha256()
        for _, _, data in self._slices(4096, first, at, last, end):
            hashed.update(data)
        return hashed.digest()

    def _answer_1d(self, payload: bytes) -> bytes:
        if payload[:1] == b"\x01" and not self.says_open:
            self.key = payload[1:]
        return b""


def _json(**told: Any) -> bytes:
    return json.dumps(told).encode()


def _refusal(code: int, text: bytes = b"no") -> Reply:
    return frame.REFUSAL, bytes((code,)) + text


def credential(role: int = access.TECHNICIAN) -> Credential:
    """What opens a locked one."""
    claims = access.claims(role, 7, 1, access.NEVER)
    key = access.credential_key(node_key(FLEET, NODE), claims)
    return Credential(NODE, bytes(claims), bytes(key))


class Clock:
    """Takes the place of the module `time` in the laptop's code."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.reads = 0
        self.endless = False  # a command that goes on until somebody ends it
        self.sign()
        self._began = self.now

    def sign(self, *_: object) -> None:
        """Whoever waits is told something, or sees that it goes on."""
        self.told = self.now

    def go(self, seconds: float) -> None:
        """Let time pass. Raises HangError."""
        self.now += seconds
        if self.now - self.told > SILENT_S + 1:
            raise HangError(f"{self.now - self.told:.0f} s without a word")
        if self.now - self._began > MOST_S:
            raise KeyboardInterrupt if self.endless else HangError("it never ends")

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return UNIX_MS / 1000 + self.now

    def time_ns(self) -> int:
        return int(self.time() * 1e9)

    def sleep(self, seconds: float) -> None:
        self.go(seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


class LiarLine(Line):
    """The line to `node`, on `clock`; `wire` may change the frames that the laptop gets."""

    node: LiarNode
    clock: Clock
    late_s = 0.0  # what each answer takes,
    late_kind = 0  # or only those to this kind
    taken = False  # it says that it has a request
    piece = 0  # bytes that come at once; 0: all
    piece_s = 0.0  # the time between two pieces

    def __init__(self, port: str, baud: int = 0) -> None:
        self.port = port
        self.baud = baud
        self.bytes_in = self.bytes_out = 0
        self._coming: list[tuple[float, bytes]] = []
        self._down_until = 0.0

    def write(self, data: bytes) -> None:
        self.bytes_out += len(data)
        for part in data.split(b"\0"):
            found = frame.decode(part) if part else None
            if found is None or self.clock.now < self._down_until:
                continue
            if found[0] == frame.RESTART and self.node.down_s:
                self._down_until = self.clock.now + self.node.down_s
                self._coming.append((self.clock.now + 0.5, self.node.boot_log))
            is_late = self.late_kind in (0, found[0])
            at = self.clock.now + (self.late_s if is_late else 0.0)
            if self.taken:
                self._coming.append((self.clock.now + 0.1, b"\0"))
            for kind, payload in self.node.replies(*found):
                at = self._come(at, frame.encode(kind, found[1], payload))
            self._coming.sort(key=lambda each: each[0])

    def _come(self, at: float, said: bytes) -> float:
        step = self.piece or max(1, len(said))
        for i in range(0, len(said), step):
            at += self.piece_s + step / _BYTES_S
            self._coming.append((at, said[i : i + step]))
        return at

    def read(self, timeout_s: float) -> bytes:
        self.clock.reads += 1
        if self.clock.reads > MOST_READS:
            raise HangError("it reads and reads")
        until = self.clock.now + timeout_s
        if not self._coming or self._coming[0][0] > until:
            self.clock.go(timeout_s)
            return b""
        at, data = self._coming.pop(0)
        self.clock.go(max(0.0, at - self.clock.now))
        while self._coming and self._coming[0][0] <= self.clock.now and len(data) < 60_000:
            data += self._coming.pop(0)[1]
        self.bytes_in += len(data)
        return data

    def drain(self) -> None:
        self._coming = [each for each in self._coming if each[0] > self.clock.now]

    def set_baud(self, baud: int) -> None:
        self.baud = baud

    def close(self) -> None:
        self._coming.clear()

    def reopen(self) -> None:
        self.close()


@cache
def _timed() -> list[ModuleType]:
    """The laptop's modules that look at the time; all that a command needs is loaded first."""
    build_parser()
    found = [module for name, module in sys.modules.items() if name.startswith("tirta.")]
    return [module for module in found if getattr(module, "time", None) is time]


@contextmanager
def shared(node: LiarNode, **line: float) -> Iterator[Clock]:
    """In here every port is this node's, and its clock the only one; `line` sets LiarLine's."""
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        for module in _timed():
            patch.setattr(module, "time", clock)
        for user in ("tirta.node.requests", "tirta.doctor.facts", "tirta.node.discover"):
            patch.setattr(f"{user}.Line", LiarLine)
        for name, value in ({"node": node, "clock": clock} | line).items():
            patch.setattr(LiarLine, name, value, raising=False)
        patch.setattr(patience, "_listeners", [clock.sign])
        patch.setattr(patience, "listen", lambda tell: None)
        patch.setattr("tirta.keys.vault.load", lambda _why="": Vault({"north": FLEET}, "north"))
        patch.setattr("tirta.cli.update.bundle.make", lambda _board: small_bundle())
        patch.setattr("tirta.install.update.lfs_image", lambda *_: slot_image())
        patch.setattr(
            "tirta.link.conversation._candidates", lambda _node, role: [credential(max(1, role))]
        )
        patience.seen()
        yield clock
