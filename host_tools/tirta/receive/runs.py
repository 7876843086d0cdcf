# SPDX-License-Identifier: MIT
"""Which boots of a node are known, and the keys of their messages (FORMAT.md section 14).

A *run* is one boot. Its first bytes only grow from run to run, so an old hello that somebody sends
again is told from a new one; the last run is kept in ARCHIVE/NODE/uplink.json for that.
"""

import contextlib
import json
import struct
from dataclasses import dataclass
from typing import Any

from tirta.archive.evidence import Archive
from tirta.link.aes import aes
from tirta_format import uplink, uplink_notes, uplink_seal, varint
from tirta_format.page import SIZE

MOST_PAGES = 65_536  # of a log: 256 MB
MOST = 4  # runs whose pieces still count: a broker may bring those of yesterday
_NAME_SIZE = 8
_HELLO_HEAD = 1 + _NAME_SIZE + uplink.RUN_SIZE
FILE = "uplink.json"


@dataclass
class Run:
    """One boot of a node, as its hello tells it."""

    run: bytes
    key: bytes  # the node's uplink key
    keys: tuple[bytes, bytes]
    heard: int  # the largest counter of any message
    told: int  # that of the hello
    hello: dict[str, int]
    spans: list[tuple[int, int]]  # of the pages that the node has, newest first

    @property
    def order(self) -> tuple[int, int]:
        """What grows from run to run."""
        sequence, used = struct.unpack_from("<IH", self.run)
        return int(sequence), int(used)


@dataclass(frozen=True)
class Piece:
    """Bytes of a page from an offset on, sealed by the node."""

    epoch: int
    page: int
    offset: int
    data: bytes


class Runs:
    """The runs of one node; `keys` are its uplink keys by name, of every fleet that is here."""

    def __init__(self, node: str, keys: dict[bytes, bytes], archive: Archive) -> None:
        self.node = node
        self._keys = keys
        self._archive = archive
        self._known: list[Run] = []  # the newest last
        told = _read(archive.note(node, FILE))
        self._last = _order_of(told)
        # In an archive of many nodes those that are silent are forgotten, and come back as they
        # were; in another the broker keeps the last hello of each.
        with contextlib.suppress(KeyError, ValueError, TypeError):
            kept = self._read(bytes.fromhex(told["hello"]))
            if kept is not None and kept.order == self._last:
                kept.told -= 1  # it may come again, and is answered then
                self._known.append(kept)

    @property
    def now(self) -> Run | None:
        """The run that the last hello began, once one came."""
        return self._known[-1] if self._known else None

    def hello(self, payload: bytes) -> bool:
        """Take a hello; whether it told anything."""
        made = self._read(payload)
        if made is None:
            return False
        now = self.now
        if now is not None and now.run == made.run:
            if made.told <= now.told:
                return False
            made.heard = max(now.heard, made.heard)
            self._known[-1] = made
            if self._archive.pack:
                self._keep(made, payload)
            return True
        if made.order < self._last or (now is not None and made.order == now.order):
            return False
        if made.order > self._last:
            self._keep(made, payload)
            self._last = made.order
        self._known = [*self._known, made][-MOST:]
        return True

    def _keep(self, made: Run, payload: bytes) -> None:
        told = {"run": made.run.hex()}
        if self._archive.pack:
            told["hello"] = payload.hex()
        self._archive.keep_note(self.node, FILE, json.dumps(told).encode() + b"\n")

    def lacks_key(self, payload: bytes) -> bool:
        """Return whether a hello names a key that is not here; anybody may say so."""
        if len(payload) <= _HELLO_HEAD or payload[0] != uplink.VERSION:
            return False
        return payload[1 : 1 + _NAME_SIZE] not in self._keys

    def _read(self, payload: bytes) -> Run | None:
        """The run that a hello tells of, if the node sealed it."""
        if len(payload) <= _HELLO_HEAD or payload[0] != uplink.VERSION:
            return None
        name, run = payload[1 : 1 + _NAME_SIZE], payload[1 + _NAME_SIZE : _HELLO_HEAD]
        key = self._keys.get(name)
        if key is None:
            return None
        for_aes, for_tags = map(bytes, uplink.up_keys(key, self.node, run))
        opened = _opened((for_aes, for_tags), uplink_seal.HELLO, payload[_HELLO_HEAD:])
        if opened is None:
            return None
        counter, body = opened
        try:
            fields, spans = uplink_notes.read_hello(body)
        except ValueError:
            return None
        if sum(last - first + 1 for first, last in spans) > MOST_PAGES:
            return None
        return Run(run, key, (for_aes, for_tags), counter, counter, fields, spans)

    def piece(self, payload: bytes) -> Piece | None:
        """Open a piece, or return None: of a run that is not known, or not the node's."""
        for run in reversed(self._known):
            if payload[:1] != run.run[-1:]:
                continue
            opened = _opened(run.keys, uplink_seal.PIECE, payload[1:])
            if opened is None:
                continue
            counter, body = opened
            try:
                page, at = varint.get(body, 0, len(body))
                offset, at = varint.get(body, at, len(body))
            except ValueError:
                return None
            run.heard = max(run.heard, counter)
            data = body[at:]
            if offset >= SIZE:
                offset -= SIZE
                data = data.ljust(SIZE - offset, b"\xff")
            return Piece(run.hello["epoch"], page, offset, data)
        return None

    def ledger(self, archive: bytes, counter: int, body: bytes) -> bytes:
        """Seal a ledger for the run of now; `archive` are the 16 bytes of this start."""
        now = self.now
        if now is None:
            raise ValueError("no hello came")
        keys = uplink.down_keys(now.key, self.node, now.run, archive)
        head = bytes(uplink_seal.head(bytes((uplink.VERSION,)) + archive, counter))
        buf = bytearray(head + body + bytes(uplink_seal.ROOM))
        end = uplink_seal.close(
            aes, keys, uplink_seal.LEDGER, counter, buf, len(head), len(head) + len(body)
        )
        return bytes(buf[:end])


def _opened(keys: tuple[bytes, bytes], kind: int, sealed: bytes) -> tuple[int, bytes] | None:
    """(counter, body) of what is sealed, or None."""
    try:
        counter, at = varint.get(sealed, 0, len(sealed))
        body = uplink.open_(aes, keys, kind, counter, sealed[at:])
    except (ValueError, struct.error):
        return None
    return None if body is None else (counter, bytes(body))


def _read(content: bytes | None) -> dict[str, Any]:
    """What a note says; nothing where it says nothing sensible."""
    try:
        found = json.loads(content or b"")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _order_of(told: dict[str, Any]) -> tuple[int, int]:
    """What is kept of the last run; before all runs where that is nothing sensible."""
    try:
        sequence, used = struct.unpack_from("<IH", bytes.fromhex(told["run"]))
    except (ValueError, TypeError, LookupError, struct.error):
        return (-1, -1)
    return int(sequence), int(used)
