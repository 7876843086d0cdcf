# SPDX-License-Identifier: MIT
"""A node at the end of a serial line: what a technician can ask it to do.

    with Node("/dev/ttyUSB0") as node:
        print(node.status()["next_record"])

Words: a *page* is 4096 bytes of the node's log, named by its *sequence*; a *commit* makes what was
sampled so far durable; the requests are those of FORMAT.md section 10.
"""

import json
import struct
import time
from itertools import pairwise
from typing import Any, Self

from tirta import repl
from tirta.answers import Committed, Hello, IndexEntry
from tirta.errors import TirtaError
from tirta.line import DEFAULT_BAUD, Line, LineLostError
from tirta.link import Link, NoAnswerError
from tirta.text import bounded, clean
from tirta_format import config as format_config
from tirta_format import frame

# Two such requests fit into the node's receive buffer: one that got lost may still lie there.
CONFIG_PART = 96
RESTART_S = 30
# What the way over the line and this program may add to the clock's error.
CLOCK_UNCERTAINTY_MS = 50


class Node:
    """A node that answers. Opening says hello; every error says what to try."""

    def __init__(self, port: str, baud: int = DEFAULT_BAUD) -> None:
        self.line = Line(port, baud)
        self.link = Link(self.line)
        try:
            self.hello = self._greet()
        except BaseException:
            self.line.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.line.close()

    @property
    def wire_bytes(self) -> int:
        """Bytes that went over the line so far, both ways."""
        return self.line.bytes_in + self.line.bytes_out

    def status(self) -> dict[str, Any]:
        """The keys of FORMAT.md section 10.1."""
        return self._json(frame.STATUS)

    def values(self) -> dict[str, Any]:
        """The last record: `number`, and `values` as [channel, value or None, flag]."""
        return self._json(frame.VALUES)

    def commit(self) -> Committed:
        """Make everything sampled so far durable."""
        answer = self.link.request(frame.COMMIT, think_s=3)
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
            if not entries or entries[-1].page < since_page:
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

    def apply_config(self, text: bytes) -> dict[str, Any]:
        """Give the node a config and wait until it runs with it; return `hash` and `state`."""
        at = 0
        while at < len(text):
            part = text[at : at + CONFIG_PART]
            put = struct.pack("<HH", len(text), at) + part
            wanted = self._fields("<H", self.link.request(frame.CONFIG_PUT, put, think_s=3))[0]
            if wanted == at or wanted > len(text):
                raise self._nonsense()
            at = wanted
        wanted_hash = format_config.config_hash(text)
        answer = self._json(frame.CONFIG_APPLY, struct.pack("<I", wanted_hash), think_s=6)
        self.wait_until_back()
        running = str(self.status().get("config", ""))
        if running != str(answer.get("hash", "")):
            raise TirtaError(
                f"The node came back with config {running or 'none'}, not with the new one.",
                "Run `tirta status` to see what it does, then apply the config again.",
            )
        return {**answer, "state": "active"}

    def set_clock(self, uncertainty_ms: int = CLOCK_UNCERTAINTY_MS) -> str:
        """Give the node this computer's time; return its clock's new state."""
        unix_ms = time.time_ns() // 1_000_000
        return str(
            self._json(frame.CLOCK_SET, struct.pack("<QI", unix_ms, uncertainty_ms))["clock"]
        )

    def restart(self, *, to_repl: bool = False) -> None:
        """Start the application again, or hand the line over to the REPL."""
        self.link.request(frame.RESTART, bytes((int(to_repl),)), think_s=3)
        if not to_repl:
            self.wait_until_back()

    def wait_until_back(self, timeout_s: float = RESTART_S) -> None:
        """Wait for a node that restarts; what it says at boot is noise to the link."""
        until = time.monotonic() + timeout_s
        time.sleep(0.3)  # an answer of the application that is about to end does not count
        self.link.resume()
        while True:
            try:
                self.hello = self._say_hello(tries=1)
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

    def _say_hello(self, tries: int) -> Hello:
        offer = bytes((frame.PROTOCOL, frame.PROTOCOL)) + str(self.line.baud).encode()
        answer = self._json(frame.HELLO, offer, think_s=0.7, tries=tries)
        if answer.get("tirta") != frame.PROTOCOL:
            raise TirtaError(
                f"The node speaks link protocol {answer.get('tirta')}, this program"
                f" {frame.PROTOCOL}.",
                "Update the older of the two.",
            )
        return Hello(*(clean(answer.get(key, "")) for key in Hello.__dataclass_fields__))

    def _json(
        self, kind: int, payload: bytes = b"", *, think_s: float = 1.2, tries: int = 4
    ) -> dict[str, Any]:
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


def _failure(heard: bytes) -> str:
    """The line with which an application ended, when what was heard tells that it did."""
    lines = [clean(line, 120) for line in heard.decode("utf-8", "replace").splitlines()]
    for before, line in pairwise(lines):
        if line.startswith("Tirta: the application failed"):
            return f"its application failed with {before}"
    return ""
