# SPDX-License-Identifier: MIT
"""A conversation with a node: it begins with a hello, survives restarts, and checks every answer.

Words: a *hello* says who answers and in which mode; a locked node has a *guard*, which logs in when
a request needs it. What may be asked is in `tirta.node.requests`, how requests travel in
`tirta.link.frames`.
"""

import contextlib
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar

from tirta.errors import TirtaError
from tirta.keys import memory, vault
from tirta.keys.credential import Credential
from tirta.link import answers, repl
from tirta.link.answers import Hello
from tirta.link.closing import Closing
from tirta.link.failures import NoAnswerError, PausedError
from tirta.link.frames import Link
from tirta.link.login import Guard
from tirta.link.mqtt_line import MqttLine
from tirta.link.serial_line import Line, LineLostError
from tirta.patience import Patience
from tirta.text import clean
from tirta_format import frame

GREET_S = 9  # for a first answer, while any byte comes
RESTART_S = 30  # without a byte from a node that starts
LIVE_S = 240  # since its last one: what a slow board's longest piece of a start may take
MOST_START_S = 600  # a first start is two, one for the self-test
Checked = TypeVar("Checked")


class Conversation(Closing):
    """Talks to whoever answers on a line. Every error says what to try."""

    def __init__(self, line: Line | MqttLine, may_be_open: str = "") -> None:
        """Say hello. Raises TirtaError, and closes the line, where no node answers, or where one
        is open that this computer knows as locked, unless its id is `may_be_open`.
        """
        self.line = line
        self._may_be_open = may_be_open
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
        self,
        kind: int,
        payload: bytes = b"",
        *,
        think_s: float = 1.2,
        tries: int = 4,
        within: Patience | None = None,
    ) -> dict[str, Any]:
        """Send one request whose answer is a JSON object; all of it is as `tirta.link.answers`
        says.
        """
        answer = self.link.request(kind, payload, think_s=think_s, tries=tries, within=within)
        return self.checked(answers.read, kind, answer)

    def checked(self, check: Callable[..., Checked], *what: Any) -> Checked:
        """Return what a function of `tirta.link.answers` makes of an answer. Raises TirtaError for
        nonsense.
        """
        try:
            return check(*what)
        except ValueError as error:
            raise self.nonsense() from error

    def nonsense(self) -> TirtaError:
        """Make the error for an answer that no node gives."""
        return TirtaError(
            f"What answers on {self.line.port} does not keep to Tirta's protocol.",
            "Deploy the application again: `tirta deploy`.",
        )

    def say_hello(self, tries: int, think_s: float = 0.7, within: Patience | None = None) -> Hello:
        """Ask who is there: that any answer comes means that both ends run at this rate."""
        offered = offer(self.line.baud)
        answer = self.ask(frame.HELLO, offered, think_s=think_s, tries=tries, within=within)
        if answer.get("tirta") != frame.PROTOCOL:
            raise TirtaError(
                f"The node speaks link protocol {answer.get('tirta')}, this program"
                f" {frame.PROTOCOL}.",
                "Update the older of the two.",
            )
        return Hello.of(answer)

    def wait_until_back(self, timeout_s: float = RESTART_S) -> None:
        """Wait for a node that restarts; what it says at boot is noise to the link.

        `timeout_s` is for one that says nothing: signs of life are waited for longer.
        """
        start = Start(self.line.port, max(timeout_s, self.line.start_s))
        before = self.line.bytes_in
        time.sleep(0.3)  # an answer of the application that is about to end does not count
        with contextlib.suppress(LineLostError):
            self.line.read(0)  # a sign of life
        self.link.resume()
        self.link.guard = None
        while True:
            try:
                hello = self.say_hello(tries=2, within=start.patience)
                self._same(hello)
                self._meet_guard()
            except LineLostError:
                self._reopen(start)
            except NoAnswerError:
                start.heard(self.line.bytes_in - before)
                before = self.line.bytes_in
                failed = _failure(bytes(self.link.heard))
                if failed or start.over:
                    failed = failed or f"no answer within {start.waited_s:.0f} s"
                    raise TirtaError(
                        f"The node on {self.line.port} did not come back: {failed}.",
                        "Switch it off and on; then `tirta ports` tells what it runs.",
                    ) from None
            else:
                return

    def _same(self, hello: Hello) -> None:
        """The node that was here before, or TirtaError."""
        if hello.node != self.hello.node:
            raise TirtaError(
                f"Another node answers on {self.line.port} than before.",
                "Check the cable, then run the command again.",
            )
        self.hello = hello

    def _reopen(self, start: "Start") -> None:
        """A board with native USB takes its port away while it restarts."""
        while True:
            time.sleep(0.3)
            try:
                self.line.reopen()
            except TirtaError:
                if start.over:
                    raise
            else:
                return

    def _greet(self) -> Hello:
        whole = Patience(max(GREET_S, self.line.greet_s), f"for the node on {self.line.port}")
        with contextlib.suppress(NoAnswerError):
            return self.say_hello(tries=4, within=whole)
        if isinstance(self.line, MqttLine):
            raise NoAnswerError(
                f"Node {self.line.node} does not answer over {self.line.port}.",
                "Has it an [uplink], and is nobody else talking to it? `tirta receive --status`"
                " tells when it was heard last.",
            )
        banner = repl.ask(self.line)
        # Signs of life without an answer: it starts, or has other work.
        before = 0
        while banner is None and before < self.line.bytes_in and not whole.over:
            before = self.line.bytes_in
            with contextlib.suppress(NoAnswerError):
                return self.say_hello(tries=2, within=whole)
        port, heard = self.line.port, self.line.bytes_in
        if banner is None:
            raise NoAnswerError(
                f"No node answers on {port} at {self.line.baud} baud.",
                "Is it the right port, does the node have power, has the line another baud rate"
                " (--baud)? `tirta ports` asks every port.",
                heard,
            )
        if banner.node:
            raise PausedError(
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
        if self.line.reaches and (self.hello.node, self.hello.mode) != (
            self.line.reaches,
            "locked",
        ):
            raise self.nonsense()
        if self.hello.mode != "locked":
            if self._may_be_open != self.hello.node:
                memory.must_not_be_open(self.hello.node)
        else:
            self.link.guard = Guard(self.link, self.hello.node, _candidates, _expired)


class Start:
    """How long a start may take: as long as signs of life come, and some time after the last."""

    def __init__(self, port: str, silent_s: float = RESTART_S) -> None:
        self.patience = Patience(MOST_START_S, f"for the node on {port} to start")
        self._until = self.patience.began + silent_s

    @property
    def waited_s(self) -> float:
        """For how long it has been waited, in s."""
        return time.monotonic() - self.patience.began

    def heard(self, count: int) -> None:
        """Note that so many bytes came since the last time: any is a sign of life, whatever it
        means.
        """
        if count:
            self._until = max(self._until, time.monotonic() + LIVE_S)

    @property
    def over(self) -> bool:
        """Whether it will not come any more."""
        return time.monotonic() > self._until or self.patience.over


def offer(baud: int) -> bytes:
    """Return what a hello says: the protocols spoken, the rate in eight digits (FORMAT.md section
    9).
    """
    return bytes((frame.PROTOCOL, frame.PROTOCOL)) + f"{baud:08}".encode()


def _candidates(node: str, role: int) -> list[Credential]:
    kept = vault.load(f"for node {node}")
    memory.learn(kept)
    return kept.candidates(node, role)


def _expired(node: str, role: int) -> int:
    return vault.load(f"for node {node}").expired(node, role)


def _failure(heard: bytes) -> str:
    """The line with which an application ended, when what was heard tells that it did."""
    lines = [clean(line, 120) for line in heard.decode("utf-8", "replace").splitlines()]
    for before, line in pairwise(lines):
        if line.startswith("Tirta: the application failed"):
            return f"its application failed with {before}"
    return ""
