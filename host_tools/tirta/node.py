# SPDX-License-Identifier: MIT
"""A node at the end of a serial line: what a technician can ask it to do.

    with Node("/dev/ttyUSB0") as node:
        print(node.status()["next_record"])

Words: a *page* is 4096 bytes of the node's log, named by its *sequence*; a *commit* makes what was
sampled so far durable; the requests are those of FORMAT.md section 10.
"""

import contextlib
import json
import struct
import time
from typing import Any

from tirta import repl, trial
from tirta.answers import Committed, IndexEntry
from tirta.conversation import RESTART_S, Conversation
from tirta.errors import TirtaError
from tirta.guard import Guard
from tirta.line import DEFAULT_BAUD, Line
from tirta.link import RefusedError
from tirta.rate import FAST_BAUDS, Rate
from tirta.text import clean
from tirta_format import access, frame, staging
from tirta_format import config as format_config

__all__ = ["FAST_BAUDS", "Node"]

# Two such requests fit into the node's receive buffer: one that got lost may still lie there.
CONFIG_PART = 96
MAX_PAGES = 65_536  # in a log: 256 MB, more than any flash of these chips
# What the way over the line and this program may add to the clock's error.
CLOCK_UNCERTAINTY_MS = 50
# After noise it is asked again within two seconds; one that was under way is done by then.
_COMMIT_S = 1.5


class Node(Conversation):
    """A node that answers. Opening says hello; every error says what to try.

    A `steady` one keeps the rate of the line; else long transfers raise it for their time.
    """

    def __init__(self, port: str, baud: int = DEFAULT_BAUD, *, steady: bool = False) -> None:
        super().__init__(Line(port, baud))
        self._rate = Rate(self, baud, steady=steady)

    def status(self) -> dict[str, Any]:
        """The keys of FORMAT.md section 10.1; of a locked node without a key here, few."""
        if self.link.guard:
            self.link.guard.may(access.TECHNICIAN)
        return self.ask(frame.STATUS)

    def timing(self) -> dict[str, Any]:
        """How punctual it samples: `groups` and `work` (FORMAT.md section 10.2)."""
        found: list[dict[str, Any]] = []
        work: dict[str, Any] = {}
        while True:
            try:
                answer = self.ask(frame.TIMING, bytes((len(found),)))
            except RefusedError:
                return {}  # firmware from before
            groups = answer.get("groups", [])
            found += groups
            work |= answer.get("work", {})
            if not answer.get("more") or not groups:
                return {"groups": found, "work": work}

    def values(self) -> dict[str, Any]:
        """The last record: `number`, and `values` as [channel, value or None, flag]."""
        return self.ask(frame.VALUES)

    def commit(self) -> Committed:
        """Make everything sampled so far durable."""
        answer = self.link.request(frame.COMMIT, think_s=_COMMIT_S)
        return Committed(*self.fields("<IIH", answer))

    def index(self, since_page: int = 0) -> list[IndexEntry]:
        """The pages in the log from a sequence on, oldest first."""
        found: list[IndexEntry] = []
        while True:
            answer = self.link.request(frame.INDEX, struct.pack("<I", since_page))
            size = struct.calcsize(frame.INDEX_ENTRY)
            if not answer or (len(answer) - 1) % size:
                raise self.nonsense()
            entries = [IndexEntry(*e) for e in struct.iter_unpack(frame.INDEX_ENTRY, answer[1:])]
            found += entries
            if not answer[0]:
                return found
            if not entries or entries[-1].page < since_page or len(found) > MAX_PAGES:
                raise self.nonsense()
            since_page = entries[-1].page + 1

    def pulled(self, epoch: int, number: int) -> None:
        """Tell the node that every record of the epoch below `number` is safe on a disk."""
        self.link.request(frame.PULLED, struct.pack("<II", epoch, number))

    def config(self) -> bytes:
        """The config in force, as the node keeps it."""
        text = b""
        while True:
            answer = self.link.request(frame.CONFIG_GET, struct.pack("<H", len(text)))
            whole = self.fields("<H", answer[:2])[0]
            text += answer[2:]
            if len(text) >= whole:
                return text[:whole]
            if len(answer) == 2 or whole > format_config.MAX_BYTES:
                raise self.nonsense()

    def apply_config(self, text: bytes, *, accept_missing: bool = False) -> trial.Applied:
        """Give the node a config, try it there, and confirm it (`tirta.trial`)."""
        return trial.apply(self, text, accept_missing=accept_missing)

    def put_config(self, text: bytes) -> None:
        """Bring a config's text into the node's RAM, where nothing is done with it yet."""
        at = 0
        while at < len(text):
            part = text[at : at + CONFIG_PART]
            put = struct.pack("<HH", len(text), at) + part
            wanted = self.fields("<H", self.link.request(frame.CONFIG_PUT, put))[0]
            if wanted == at or wanted > len(text):
                raise self.nonsense()
            at = wanted

    def identity(self) -> dict[str, Any]:
        """Where the node belongs: `district`, `latitude`, `longitude`, as far as it was told."""
        return self.ask(staging.WHO)

    def set_identity(self, identity: dict[str, Any]) -> None:
        """Tell the node where it belongs."""
        text = json.dumps(identity, separators=(",", ":"), ensure_ascii=False).encode()
        self.ask(staging.WHO_PUT, text, think_s=6)

    def set_clock(self, uncertainty_ms: int = CLOCK_UNCERTAINTY_MS) -> tuple[str, str]:
        """Give the node this computer's time; return its clock's new state, and the clock chip that
        its config names where that did not take the time, else nothing.
        """
        unix_ms = time.time_ns() // 1_000_000
        answer = self.ask(frame.CLOCK_SET, struct.pack("<QI", unix_ms, uncertainty_ms))
        return clean(answer["clock"]), clean(answer.get("refused_by", ""))

    def restart(self, *, to_repl: bool = False) -> None:
        """Start the application again, or hand the line over to the REPL."""
        self.link.request(frame.RESTART, bytes((int(to_repl),)), think_s=3)
        if not to_repl:
            self.wait_until_back()

    def digest(self, first: int, offset: int, last: int, end: int) -> bytes:
        """SHA-256 of pages as they lie on the node, from an offset in the first on."""
        payload = struct.pack(access.DIGEST_REQUEST, first, offset, last, end)
        return self.link.request(access.DIGEST, payload, think_s=4)

    def lock(self, key: bytes) -> None:
        """Give an open node its key, and lock it."""
        self.link.request(access.MODE, b"\x01" + key, think_s=3)
        self.wait_until_back()

    def make_open(self) -> None:
        """Leave the locked mode, as administrator."""
        self.link.request(access.MODE, b"\x00", think_s=3)
        self.wait_until_back()

    def change_key(self, key: bytes) -> None:
        """Give a locked node another key, encrypted on its way."""
        guard = self._guard()
        guard.may(access.ADMINISTRATOR)
        guard.ready(access.KEY)
        assert guard.session  # noqa: S101  ready logs in, or raises
        self.link.request(access.KEY, guard.session.encrypt(key), think_s=3)
        guard.forget()

    def set_floor(self, unix_s: int) -> None:
        """Set the time before which credentials have expired for a locked node."""
        self._guard()
        self.link.request(access.FLOOR, struct.pack("<I", unix_s), think_s=3)

    def unlock(self) -> None:
        """Open a locked node's REPL until its next hard reset; return when a prompt answers."""
        self._guard()
        self.link.request(access.UNLOCK, think_s=3)
        self.link.guard = None
        until = time.monotonic() + RESTART_S
        time.sleep(0.5)
        self.line.drain()
        while repl.ask(self.line) is None:
            if time.monotonic() > until:
                raise TirtaError(
                    f"The node on {self.line.port} shows no prompt.",
                    "`tirta ports` tells what it runs; then try again.",
                )

    def _guard(self) -> Guard:
        if self.link.guard is None:
            raise TirtaError(
                f"Node {self.hello.node} is open: whoever has the cable has the node.",
                "Lock it: tirta lock PORT",
            )
        return self.link.guard

    def hurry(self, count: int) -> contextlib.AbstractContextManager[None]:
        """Run the line as fast as both ends can while `count` bytes come, if that is worth it."""
        return self._rate.hurry(count)

    def calm(self) -> None:
        """The raised rate does not do: back to the first one."""
        self._rate.calm()
