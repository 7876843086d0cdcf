# SPDX-License-Identifier: MIT
"""Frames over a line: requests, answers, retries (FORMAT.md section 9).

One request is under way at a time, so never more than 256 bytes are unanswered: the node's receive
buffer holds 259 and drops the rest without a word. Noise costs the frame that it hits; the next
delimiter starts anew. A request that stays unanswered is sent again; each may be. It keeps its
sequence then, so that the answer of a slow node counts, however late. No answer extends a deadline;
a node that says that it has the request, by an empty frame, has `LATE_S` for it instead of `tries`.
"""

import secrets
import time
from collections import deque
from itertools import count

from tirta import patience
from tirta.link.failures import NoAnswerError, NotAllowedError, refused
from tirta.link.login import Guard
from tirta.link.mqtt_line import MqttLine
from tirta.link.protocol import MAX_PAYLOAD
from tirta.link.serial_line import Line
from tirta.patience import Patience
from tirta_format import access, frame, seals

TRIES = 5
# Beyond the longest frame of a node, COBS and a burst of noise included, nothing can be a frame.
_MAX_PENDING = 2 * frame.MAX_FROM_NODE
_MAX_HEARD = 2000
# What a node may take before it answers: a sample with slow sensors, an erase of flash (0.4 s).
_THINK_S = 1.2
# How much longer the second, third, … try waits. After noise the last one is answered in 2 s.
_MORE_S = (0.0, 0.2, 0.3)
_REQUEST_S = 10.0  # of all tries together, whatever comes meanwhile
_HELLO_S = 6.0  # the same for a hello: what is there may be noise, and no node
LATE_S = 45.0  # the same where the node has the request: it may have to load code from a slow flash
_PACE = 1.5  # times what the last answer took: then it is asked again
_MOST_PACE_S = 4.0
# Bytes that mean something to a REPL. A hello avoids those that interrupt or run code, Ctrl-B to E,
# or bring back a line that was typed before, Ctrl-N and P: the rest would become part of it.
_REPL_KEYS = {2, 3, 4, 5, 14, 16}
_NEVER_SEALED = {frame.HELLO, access.CHALLENGE, access.LOGIN}

Frame = tuple[int, int, bytes]


class Link:
    """Requests and answers on a line."""

    def __init__(self, line: Line | MqttLine) -> None:
        self.line = line
        self.whole_frames = 0
        self.damaged_frames = 0
        self.retries = 0
        self.guard: Guard | None = None  # of a locked node
        self.heard = bytearray()  # the last of what was no frame: a boot's messages, a traceback
        self._sequence = secrets.randbelow(256)  # an answer to an earlier program is not ours
        self.pace_s = 0.0  # what this node takes to answer, and some
        self._pending = bytearray()
        self._frames: deque[Frame] = deque()
        self.is_taken = False  # an empty frame came since the request was sent first

    def request(
        self,
        kind: int,
        payload: bytes = b"",
        *,
        think_s: float = _THINK_S,
        tries: int = TRIES,
        late_s: float = LATE_S,
        within: Patience | None = None,
    ) -> bytes:
        """Send a request until its answer comes; return the answer's payload.

        It has one deadline, of so many tries or `late_s`, or the earlier one of `within`.
        """
        try:
            return self._request(kind, payload, think_s, tries, late_s, within)
        except NotAllowedError:
            if not self.guard or not self.guard.session:
                raise
            self.guard.again()
            return self._request(kind, payload, think_s, tries, late_s, within)

    def _request(
        self,
        kind: int,
        payload: bytes,
        think_s: float,
        tries: int,
        late_s: float,
        within: Patience | None,
    ) -> bytes:
        waits = [think_s + _MORE_S[min(n, len(_MORE_S) - 1)] + self._frame_s for n in range(tries)]
        began = time.monotonic()
        whole = within or Patience(max(late_s, think_s), f"for the node on {self.line.port}")
        soon = began + max(min(sum(waits), max(_REQUEST_S, waits[0])), self.line.patience_s)
        late = max(soon, began + (_HELLO_S if kind == frame.HELLO else late_s))
        sequence = None
        self.is_taken = False
        for attempt in count():
            self.retries += attempt > 0
            # A second challenge makes the answer to the first one worthless.
            again = None if kind == access.CHALLENGE else sequence
            sequence = self.send(kind, payload, again=again)
            wait_s = max(waits[min(attempt, tries - 1)], self.pace_s)
            until = min(time.monotonic() + wait_s, late if self.is_taken else soon)
            while came := self.next(sequence, until, whole):
                if came[0] == kind + frame.ANSWER:
                    self._learn_pace(time.monotonic() - began)
                    return came[2]
            if time.monotonic() >= min(late if self.is_taken else soon, whole.until):
                break
        raise NoAnswerError(
            f"No node answers on {self.line.port} any more.",
            "What was done is kept. Check the cable and the node's power, then run the command"
            " again.",
        )

    def stream(self, kind: int, payload: bytes) -> int:
        """Send a request that many frames answer; return the sequence that they carry."""
        self.is_taken = False
        return self.send(kind, payload)

    def _learn_pace(self, took_s: float) -> None:
        """A node that takes long is given time for it, before it is asked again."""
        self.pace_s = min(took_s * _PACE, _MOST_PACE_S)
        if took_s < patience.PROMPT_S:
            patience.sign()

    @property
    def _frame_s(self) -> float:
        """What the longest answer takes on the line."""
        return self.line.seconds(frame.MAX_FROM_NODE)

    def send(self, kind: int, payload: bytes = b"", *, again: int | None = None) -> int:
        """Send one request; return the sequence that its answer will carry.

        `again` is the sequence of the same request before: an answer to that one counts, too.
        """
        if len(payload) > MAX_PAYLOAD:
            raise ValueError("payload does not fit into a request")
        if self.guard:
            self.guard.ready(kind)
        if again is None:
            self._sequence = (self._sequence + 1) % 256
            if kind == frame.HELLO:
                self._avoid_repl_keys(payload)
            again = self._sequence
            if self.guard and self.guard.session:
                self.guard.session.begin(again)
        if (session := self.guard and self.guard.session) and kind not in _NEVER_SEALED:
            payload = session.seal(kind, again, payload)
            kind = seals.SEALED
            self.line.secret = session.secret
        self.line.write(frame.encode(kind, again, payload))
        return again

    def next(self, sequence: int, until: float, within: Patience) -> Frame | None:
        """Wait for the next frame that answers `sequence`, or None when none comes until then.

        Raises RefusedError when the node refuses.
        """
        while (left_s := min(until - time.monotonic(), within.left_s)) > 0:
            if not self._frames:
                self._take(self.line.read(within.turn_s(left_s)))
                continue
            came = self._frames.popleft()
            found = self._unseal(*came) if came[1] == sequence else None
            if found and found[0] == frame.REFUSAL:
                raise refused(found[2], is_far=bool(self.line.reaches))
            if found:
                return found
        return None

    def _unseal(self, kind: int, sequence: int, payload: bytes) -> Frame | None:
        """The frame, or what is sealed in it; None when it is not to be trusted."""
        if self.guard is None or self.guard.session is None:
            return kind, sequence, payload
        opened = self.guard.session.open_(kind, sequence, payload)
        return opened and (opened[0], sequence, opened[1])

    def resume(self) -> None:
        """Forget everything that was under way; the next delimiter starts anew."""
        self._pending.clear()
        self._frames.clear()
        self.heard.clear()
        self.line.drain()

    def _avoid_repl_keys(self, payload: bytes) -> None:
        for _ in range(256):
            data = frame.encode(frame.HELLO, self._sequence, payload)
            if not _REPL_KEYS.intersection(data):
                return
            self._sequence = (self._sequence + 1) % 256

    def _listen(self, data: bytes) -> None:
        self.heard += data
        del self.heard[:-_MAX_HEARD]

    def _take(self, data: bytes) -> None:
        self._pending += data
        if b"\x00" not in data:
            del self._pending[:-_MAX_PENDING]
            self._listen(data)
            return
        *whole, rest = bytes(self._pending).split(b"\x00")
        self._pending = bytearray(rest[-_MAX_PENDING:])
        for part in whole:
            found = frame.decode(part) if len(part) <= _MAX_PENDING else None
            if found:
                self._frames.append(found)
                self.whole_frames += 1
            elif part:
                self.damaged_frames += 1
                self._listen(part)
            else:
                self.is_taken = True
