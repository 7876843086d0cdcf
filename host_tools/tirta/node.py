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
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Self

from tirta import repl, trial
from tirta.answers import Committed, Hello, IndexEntry
from tirta.errors import TirtaError
from tirta.guard import Guard
from tirta.keys import vault
from tirta.keys.credential import Credential
from tirta.line import DEFAULT_BAUD, Line, LineLostError
from tirta.link import Link, NoAnswerError, RefusedError
from tirta.text import bounded, clean
from tirta_format import access, frame, staging
from tirta_format import config as format_config

# Two such requests fit into the node's receive buffer: one that got lost may still lie there.
CONFIG_PART = 96
RESTART_S = 30
MAX_PAGES = 65_536  # in a log: 256 MB, more than any flash of these chips
FAST_BAUDS = (921_600, 460_800, 230_400)  # what USB bridges can do, the best first
RAISE_S = 0.5  # what a raised rate must save: to raise and lower it takes half of that
SWITCH_S = 0.05  # until the node runs at another rate
LAPSE_S = 4  # until a node that hears nothing at a raised rate is surely back
# What the way over the line and this program may add to the clock's error.
CLOCK_UNCERTAINTY_MS = 50
# After noise it is asked again within two seconds; one that was under way is done by then.
_COMMIT_S = 1.5


class Node:
    """A node that answers. Opening says hello; every error says what to try.

    A `steady` one keeps the rate of the line; else long transfers raise it for their time.
    """

    def __init__(self, port: str, baud: int = DEFAULT_BAUD, *, steady: bool = False) -> None:
        self.line = Line(port, baud)
        self.link = Link(self.line)
        self._first_baud = baud
        self._steady = steady
        try:
            self.hello = self._greet()
            self._meet_guard()
        except BaseException:
            self.line.close()
            raise

    def _meet_guard(self) -> None:
        if self.hello.mode == "locked":
            self.link.guard = Guard(self.link, self.hello.node, _candidates)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.line.close()

    @property
    def wire_bytes(self) -> int:
        """Bytes that went over the line so far, both ways."""
        return self.line.bytes_in + self.line.bytes_out

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
        return Committed(*self._fields("<IIH", answer))

    def index(self, since_page: int = 0) -> list[IndexEntry]:
        """The pages in the log from a sequence on, oldest first."""
        found: list[IndexEntry] = []
        while True:
            answer = self.link.request(frame.INDEX, struct.pack("<I", since_page))
            size = struct.calcsize(frame.INDEX_ENTRY)
            if not answer or (len(answer) - 1) % size:
                raise self._nonsense()
            entries = [IndexEntry(*e) for e in struct.iter_unpack(frame.INDEX_ENTRY, answer[1:])]
            found += entries
            if not answer[0]:
                return found
            if not entries or entries[-1].page < since_page or len(found) > MAX_PAGES:
                raise self._nonsense()
            since_page = entries[-1].page + 1

    def pulled(self, epoch: int, number: int) -> None:
        """Tell the node that every record of the epoch below `number` is safe on a disk."""
        self.link.request(frame.PULLED, struct.pack("<II", epoch, number))

    def config(self) -> bytes:
        """The config in force, as the node keeps it."""
        text = b""
        while True:
            answer = self.link.request(frame.CONFIG_GET, struct.pack("<H", len(text)))
            whole = self._fields("<H", answer[:2])[0]
            text += answer[2:]
            if len(text) >= whole:
                return text[:whole]
            if len(answer) == 2 or whole > format_config.MAX_BYTES:
                raise self._nonsense()

    def apply_config(self, text: bytes, *, accept_missing: bool = False) -> trial.Applied:
        """Give the node a config, try it there, and confirm it (`tirta.trial`)."""
        return trial.apply(self, text, accept_missing=accept_missing)

    def put_config(self, text: bytes) -> None:
        """Bring a config's text into the node's RAM, where nothing is done with it yet."""
        at = 0
        while at < len(text):
            part = text[at : at + CONFIG_PART]
            put = struct.pack("<HH", len(text), at) + part
            wanted = self._fields("<H", self.link.request(frame.CONFIG_PUT, put))[0]
            if wanted == at or wanted > len(text):
                raise self._nonsense()
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

    def wait_until_back(self, timeout_s: float = RESTART_S) -> None:
        """Wait for a node that restarts; what it says at boot is noise to the link."""
        until = time.monotonic() + timeout_s
        time.sleep(0.3)  # an answer of the application that is about to end does not count
        self.link.resume()
        self.link.guard = None
        while True:
            try:
                self.hello = self._say_hello(tries=1)
                self._meet_guard()
            except LineLostError:
                self._reopen(until)
            except NoAnswerError:
                failed = _failure(bytes(self.link.heard))
                if failed or time.monotonic() > until:
                    raise TirtaError(
                        f"The node on {self.line.port} did not come back: "
                        + (failed or f"no answer within {timeout_s:.0f} s")
                        + ".",
                        "Switch it off and on; then `tirta ports` tells what it runs.",
                    ) from None
            else:
                return

    def _reopen(self, until: float) -> None:
        """A board with native USB takes its port away while it restarts."""
        while True:
            time.sleep(0.3)
            try:
                self.line.reopen()
            except TirtaError:
                if time.monotonic() > until:
                    raise
            else:
                return

    @contextlib.contextmanager
    def hurry(self, count: int) -> Iterator[None]:
        """Run the line as fast as both ends can while `count` bytes come, if that is worth it."""
        gain_s = self.line.seconds(count) - count * 10 / FAST_BAUDS[0]
        if not self._steady and self.line.baud and gain_s > RAISE_S:
            self._raise_rate()
        try:
            yield
        finally:
            if self.line.baud != self._first_baud:
                self._lower_rate()

    def calm(self) -> None:
        """The raised rate does not do: back to the first one."""
        if self.line.baud != self._first_baud:
            self._steady = True
            self._return_to_first()

    def _raise_rate(self) -> None:
        for baud in FAST_BAUDS:
            if baud <= self._first_baud:
                return
            try:
                self.link.request(frame.RATE, struct.pack("<I", baud), tries=2)
            except RefusedError:
                self._steady = True
                return
            except NoAnswerError:
                pass  # the answer may have been lost: then the node is there already
            if self._meet_at(baud):
                return
            self._return_to_first()
            if self._steady:
                return

    def _meet_at(self, baud: int) -> bool:
        time.sleep(SWITCH_S)
        try:
            self.line.set_baud(baud)
            self.link.resume()
            hello = self._say_hello(tries=2, think_s=0.3)
        except NoAnswerError:
            return False
        if hello.node != self.hello.node:
            raise TirtaError(
                f"Another node answers on {self.line.port} than before.",
                "Check the cable, then run the command again.",
            )
        return True

    def _lower_rate(self) -> None:
        """The next program that opens the port knows the first rate only.

        Whoever is interrupted here, or meets a broken line, leaves a node that goes back by itself.
        """
        with contextlib.suppress(TirtaError):
            with contextlib.suppress(NoAnswerError):  # the answer may have been lost
                self.link.request(frame.RATE, struct.pack("<I", self._first_baud), tries=2)
            if not self._meet_at(self._first_baud):
                self._return_to_first()

    def _return_to_first(self) -> None:
        """Wait until the node has gone back by itself. Raises NoAnswerError when it does not."""
        self.line.set_baud(self._first_baud)
        until = time.monotonic() + LAPSE_S
        while True:
            self.link.resume()
            try:
                self._say_hello(tries=1, think_s=0.4)
            except NoAnswerError:
                if time.monotonic() > until:
                    raise
            else:
                return

    def _greet(self) -> Hello:
        try:
            return self._say_hello(tries=3)
        except NoAnswerError:
            banner = repl.ask(self.line)
        port = self.line.port
        if banner is None:
            raise NoAnswerError(
                f"No node answers on {port} at {self.line.baud} baud.",
                "Is it the right port, does the node have power, has the line another baud rate"
                " (--baud)? `tirta ports` asks every port.",
            )
        raise NoAnswerError(
            f"On {port} is a MicroPython prompt, but no Tirta application.",
            f"Put the application on the board: `tirta deploy {port}`. If a node was visited with"
            " mpremote, `mpremote reset` sends it back to work.",
        )

    def _say_hello(self, tries: int, think_s: float = 0.7) -> Hello:
        offer = bytes((frame.PROTOCOL, frame.PROTOCOL)) + str(self.line.baud).encode()
        answer = self.ask(frame.HELLO, offer, think_s=think_s, tries=tries)
        if answer.get("tirta") != frame.PROTOCOL:
            raise TirtaError(
                f"The node speaks link protocol {answer.get('tirta')}, this program"
                f" {frame.PROTOCOL}.",
                "Update the older of the two.",
            )
        return Hello(*(clean(answer.get(key, "")) for key in Hello.__dataclass_fields__))

    def ask(
        self, kind: int, payload: bytes = b"", *, think_s: float = 1.2, tries: int = 4
    ) -> dict[str, Any]:
        """One request whose answer is a JSON object."""
        answer = self.link.request(kind, payload, think_s=think_s, tries=tries)
        try:
            document = json.loads(answer)
        except (ValueError, RecursionError) as error:
            raise self._nonsense() from error
        if not isinstance(document, dict):
            raise self._nonsense()
        cleaned = bounded(document)
        assert isinstance(cleaned, dict)  # noqa: S101  bounded keeps the type
        return cleaned

    def _fields(self, layout: str, answer: bytes) -> tuple[Any, ...]:
        if len(answer) < struct.calcsize(layout):
            raise self._nonsense()
        return struct.unpack_from(layout, answer)

    def _nonsense(self) -> TirtaError:
        return TirtaError(
            f"What answers on {self.line.port} does not keep to Tirta's protocol.",
            "Deploy the application again: `tirta deploy`.",
        )


def _candidates(node: str, role: int) -> list[Credential]:
    return vault.load().candidates(node, role)


def _failure(heard: bytes) -> str:
    """The line with which an application ended, when what was heard tells that it did."""
    lines = [clean(line, 120) for line in heard.decode("utf-8", "replace").splitlines()]
    for before, line in pairwise(lines):
        if line.startswith("Tirta: the application failed"):
            return f"its application failed with {before}"
    return ""
