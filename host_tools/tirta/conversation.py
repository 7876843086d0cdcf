# SPDX-License-Identifier: MIT
"""A conversation with a node: it begins with a hello, survives restarts, and checks every answer.

Words: a *hello* says who answers and in which mode; a locked node has a *guard*, which logs in when
a request needs it. What may be asked is in `tirta.node`, how requests travel in `tirta.link`.
"""

import json
import struct
import time
from itertools import pairwise
from typing import Any

from tirta import repl
from tirta.answers import Hello
from tirta.closing import Closing
from tirta.errors import TirtaError
from tirta.guard import Guard
from tirta.keys import vault
from tirta.keys.credential import Credential
from tirta.line import Line, LineLostError
from tirta.link import Link, NoAnswerError
from tirta.text import bounded, clean
from tirta_format import frame

RESTART_S = 30


class Conversation(Closing):
    """Talks to whoever answers on a line. Every error says what to try."""

    def __init__(self, line: Line) -> None:
        """Say hello. Raises TirtaError, and closes the line, where no node answers."""
        self.line = line
        self.link = Link(line)
        try:
            self.hello = self._greet()
            self._meet_guard()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the port; the node goes on."""
        self.line.close()

    @property
    def wire_bytes(self) -> int:
        """Bytes that went over the line so far, both ways."""
        return self.line.bytes_in + self.line.bytes_out

    def ask(
        self, kind: int, payload: bytes = b"", *, think_s: float = 1.2, tries: int = 4
    ) -> dict[str, Any]:
        """One request whose answer is a JSON object."""
        answer = self.link.request(kind, payload, think_s=think_s, tries=tries)
        try:
            document = json.loads(answer)
        except (ValueError, RecursionError) as error:
            raise self.nonsense() from error
        if not isinstance(document, dict):
            raise self.nonsense()
        cleaned = bounded(document)
        assert isinstance(cleaned, dict)  # noqa: S101  bounded keeps the type
        return cleaned

    def fields(self, layout: str, answer: bytes) -> tuple[Any, ...]:
        """The beginning of an answer, unpacked; longer ones are of a newer node."""
        if len(answer) < struct.calcsize(layout):
            raise self.nonsense()
        return struct.unpack_from(layout, answer)

    def nonsense(self) -> TirtaError:
        """The error for an answer that no node gives."""
        return TirtaError(
            f"What answers on {self.line.port} does not keep to Tirta's protocol.",
            "Deploy the application again: `tirta deploy`.",
        )

    def say_hello(self, tries: int, think_s: float = 0.7) -> Hello:
        """Ask who is there: that any answer comes means that both ends run at this rate."""
        offer = bytes((frame.PROTOCOL, frame.PROTOCOL)) + str(self.line.baud).encode()
        answer = self.ask(frame.HELLO, offer, think_s=think_s, tries=tries)
        if answer.get("tirta") != frame.PROTOCOL:
            raise TirtaError(
                f"The node speaks link protocol {answer.get('tirta')}, this program"
                f" {frame.PROTOCOL}.",
                "Update the older of the two.",
            )
        return Hello(*(clean(answer.get(key, "")) for key in Hello.__dataclass_fields__))

    def wait_until_back(self, timeout_s: float = RESTART_S) -> None:
        """Wait for a node that restarts; what it says at boot is noise to the link."""
        until = time.monotonic() + timeout_s
        time.sleep(0.3)  # an answer of the application that is about to end does not count
        self.link.resume()
        self.link.guard = None
        while True:
            try:
                self.hello = self.say_hello(tries=1)
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

    def _greet(self) -> Hello:
        try:
            return self.say_hello(tries=3)
        except NoAnswerError:
            banner = repl.ask(self.line)
        port = self.line.port
        if banner is None:
            raise NoAnswerError(
                f"No node answers on {port} at {self.line.baud} baud.",
                "Is it the right port, does the node have power, has the line another baud rate"
                " (--baud)? `tirta ports` asks every port.",
            )
        if banner.node:
            raise NoAnswerError(
                f"Node {banner.node} on {port} is paused: somebody opened its prompt, with mpremote"
                " or `tirta unlock`.",
                f"{banner.goes_on}; `mpremote connect {port} reset` sends it back to work now.",
            )
        raise NoAnswerError(
            f"On {port} is a MicroPython prompt, but no Tirta application.",
            "Make a node of the board: `tirta flash`. If it has Tirta's partitions already:"
            f" `tirta deploy {port} --board BOARD`.",
        )

    def _meet_guard(self) -> None:
        if self.hello.mode == "locked":
            self.link.guard = Guard(self.link, self.hello.node, _candidates, _expired)


def _candidates(node: str, role: int) -> list[Credential]:
    return vault.load().candidates(node, role)


def _expired(node: str, role: int) -> int:
    return vault.load().expired(node, role)


def _failure(heard: bytes) -> str:
    """The line with which an application ended, when what was heard tells that it did."""
    lines = [clean(line, 120) for line in heard.decode("utf-8", "replace").splitlines()]
    for before, line in pairwise(lines):
        if line.startswith("Tirta: the application failed"):
            return f"its application failed with {before}"
    return ""
