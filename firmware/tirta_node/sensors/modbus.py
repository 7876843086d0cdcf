# SPDX-License-Identifier: MIT
"""Modbus RTU master: asks slaves on RS-485 for registers, one request at a time, never waiting.

Requests and slaves are those of modbus_request.py. A slave that does not answer is asked ever more
rarely, so that it delays nobody else. An answer names no question: it counts for the only one that
it can belong to, late or not, and is suspect where it may be another register's (modbus_shape.py).
"""

import time

from micropython import const

from tirta_format.record import GOOD, SUSPECT
from tirta_node.sensors import modbus_frame

_BUFFER = const(192)
_PART = const(32)  # bytes taken in one step
_IDLE = const(0)
_SENDING = const(1)
_LISTENING = const(2)
_REST_MS = const(1000)  # nothing is due
_LATE_MS = const(2000)  # a late answer is waited for so long before a like one is asked for
_SILENT_DOUBT_MS = const(60000)  # what an answer may be of is doubted so long after an attempt in
_LATE_DOUBT_MS = const(600000)  # vain, and after a late answer, or four times as long as that took
_LATE_TIMES = const(4)
_MOST_LATE_MS = const(3600000)
_LATE_FAILS = const(2)  # what a late answer leaves of the silences before it
_LONGEST_REST_MS = const(60000)  # of a slave that does not answer
_OVERDUE_MS = const(10000)  # then a silent slave is asked even if that delays others
_BUSY_LINE = const(10)  # times that a busy line is waited for


class Modbus:
    """`port` sends and receives (hal.rs485); `char_us`: one character on the line."""

    def __init__(self, port, requests, char_us, timeout_ms, retries):
        self._port = port
        self._requests = requests
        self._char_us = char_us
        self._timeout_ms = timeout_ms
        self._retries = retries
        self._gap_ms = max(2, 7 * char_us // 2000 + 1)  # 3.5 characters between frames
        self._late_ms = max(_LATE_MS, (retries + 2) * timeout_ms)
        self._shapes = []
        for request in requests:
            if request.shape not in self._shapes:
                self._shapes.append(request.shape)
        self._state = _IDLE
        self._request = requests[0]
        self._buf = bytearray(_BUFFER)
        self._end = 0
        self._part = bytearray(_PART)
        self._until_ms = time.ticks_ms()  # the line rests, or an answer is waited for
        self._busy = 0
        self.answers = 0
        self.timeouts = 0
        self.exceptions = 0
        self.late = 0  # answers that came when nobody waited for them
        self.unsure = 0  # answers that may be another register's

    def poll(self):
        """One step; milliseconds until the next."""
        if self._state == _IDLE:
            return self._begin()
        if self._state == _SENDING:
            left = self._port.finish()
            if left:
                return left
            size = 5 + self._request.shape.head[2]
            wait_ms = self._timeout_ms + size * self._char_us // 1000 + 1
            self._until_ms = time.ticks_add(time.ticks_ms(), wait_ms)
            self._state = _LISTENING
        return self._listen()

    def _begin(self):
        now = time.ticks_ms()
        left = time.ticks_diff(self._until_ms, now)
        if left > 0:
            return left
        heard = self._receive()
        while heard and self._come(None):
            pass
        if heard and self._busy < _BUSY_LINE:  # somebody still talks
            self._busy += 1
            self._until_ms = time.ticks_add(now, self._gap_ms)
            return self._gap_ms
        left = self._choose(now)
        if left:
            return left
        self._busy = 0
        request = self._request
        self._end = 0
        request.shape.ask(request, now)
        self._port.send(request.frame)
        self._state = _SENDING
        return len(request.frame) * self._char_us // 1000 + 1

    def _choose(self, now):
        """0: `_request` is the one to send; else milliseconds until one is due.

        Of those that are due, the one with the fewest attempts, then the one whose next poll is
        due first: what is polled often does not wait behind several slaves that fall silent at
        once. A slave that was silent is asked when nobody else needs the line soon.
        """
        found = None
        silent = None
        wait = _REST_MS
        for request in self._requests:
            left = time.ticks_diff(request.due_ms, now)
            if left <= 0:
                left = self._blocked_ms(request, now)
            if left <= 0 and request.shape.slave.fails:
                if silent is None or time.ticks_diff(request.due_ms, silent.due_ms) < 0:
                    silent = request
            elif left <= 0:
                if found is None or _comes_before(request, found):
                    found = request
            else:
                wait = min(wait, left)
        if found is None and silent is not None:
            overdue_ms = time.ticks_diff(now, silent.due_ms)
            if wait > self._timeout_ms or overdue_ms > _OVERDUE_MS:
                found = silent
        if found is None:
            return wait
        self._request = found
        return 0

    def _blocked_ms(self, wanted, now):
        """Until a late answer that looks like this request's has come, or can be left to its fate.
        A retry does not wait: what comes answers one of its attempts.
        """
        shape, slave = wanted.shape, wanted.shape.slave
        doubt_ms = _SILENT_DOUBT_MS
        if slave.late_ms:
            doubt_ms = max(_LATE_DOUBT_MS, _LATE_TIMES * slave.late_ms)
        if slave.doubted and time.ticks_diff(now, slave.doubt_ms) > doubt_ms and not slave.fails:
            slave.trust()
        if wanted.tries or not shape.owed:
            return 0
        since_ms = time.ticks_diff(now, shape.vain_ms)
        if since_ms > doubt_ms and not slave.fails:
            # What is still owed is lost, or comes one poll late each time: a pause tells.
            left = min(shape.rest_ms(), _SILENT_DOUBT_MS) + self._late_ms
            left -= time.ticks_diff(now, shape.last_ms)
            if left <= 0:
                shape.clear()
            return left
        if not shape.waits:
            return 0
        left = min(max(self._late_ms, 2 * slave.late_ms), _OVERDUE_MS) - since_ms
        if left <= 0:
            shape.waits = False
        return left

    def _listen(self):
        request = self._request
        self._receive()
        if self._come(request):
            return 1 if self._state == _LISTENING else self._rest()
        size = 5 + request.shape.head[2]
        left = time.ticks_diff(self._until_ms, time.ticks_ms())
        if left > 0:
            missing = max(size - self._end, 1)
            return min(left, max(missing * self._char_us // 1000, 1))
        self.timeouts += 1
        request.shape.in_vain()
        if self._end == size and self._buf.startswith(request.shape.head):
            request.shape.answered()  # damaged on the way
        request.tries += 1
        if request.tries > self._retries or request.shape.slave.fails:
            if not request.shape.slave.late_ms:  # else its answer may still be of use
                request.drop()
            request.shape.slave.fails += 1
            request.shape.slave.doubt(time.ticks_ms(), 0)
            self._next(request)
        return self._rest()

    def _come(self, request):
        """Whether an answer, or an exception, lies in the buffer; it is taken. `request` is what is
        listened for, None for nothing.
        """
        if self._end < modbus_frame.EXCEPTION_BYTES:
            return False
        if request is not None and self._holds(request.shape, request):
            return True
        for shape in self._shapes:  # noqa: SIM110 - a generator would come from the heap
            if self._holds(shape, request):
                return True
        return False

    def _holds(self, shape, request):
        """Whether it was an answer of this shape."""
        echo = self._request.frame
        at = modbus_frame.find(self._buf, self._end, shape.head, 5 + shape.head[2], echo)
        if at >= 0:
            if request is not None and shape is request.shape:
                self._take(request, at)
            elif shape.owed:
                self._take_late(shape, at)
            else:
                self.late += 1
                shape.slave.doubt(time.ticks_ms(), self._timeout_ms)
                shape.exceed(time.ticks_ms())
            self._cut(at, 5 + shape.head[2])
            return True
        size = modbus_frame.EXCEPTION_BYTES
        at = modbus_frame.find(self._buf, self._end, shape.refusal, size, echo)
        if at < 0:
            return False
        self._cut(at, size)
        settled = self._refused(shape.refusal)
        if request is not None and request.shape.refusal == shape.refusal:
            if not settled:
                request.shape.in_vain()
            self.exceptions += 1
            request.drop()
            self._answered(request)
        return True

    def _take(self, request, at):
        """The answer to a request, or to one that looks like it."""
        self.answers += 1
        shape, slave = request.shape, request.shape.slave
        now = time.ticks_ms()
        sure = shape.is_only(request.frame)
        if not sure:
            self.unsure += 1
        asked_ms = shape.since_ms(request.frame)  # it may be the answer to an earlier poll
        if not slave.doubted and time.ticks_diff(now, asked_ms) > self._late_ms:
            asked_ms = time.ticks_add(now, -self._late_ms)
        for channel in request.channels:
            if channel.reaches(asked_ms):
                channel.take(self._buf, at + 3, asked_ms, GOOD if sure else SUSPECT)
            else:
                channel.take(self._buf, at + 3, shape.last_ms, SUSPECT)
        shape.answered()
        self._answered(request)

    def _take_late(self, shape, at):
        """An answer that nobody waits for any more: of use where it can only be of one request."""
        self.late += 1
        slave = shape.slave
        now = time.ticks_ms()
        request = shape.owing()
        asked_ms = shape.since_ms(request.frame)
        late_ms = min(time.ticks_diff(now, asked_ms), _MOST_LATE_MS)
        slave.doubt(now, late_ms)
        slave.fails = min(slave.fails, _LATE_FAILS)
        shape.vain_ms = now
        if shape.is_only(request.frame):
            for channel in request.channels:
                if channel.reaches(asked_ms):
                    channel.take(self._buf, at + 3, asked_ms)
            if request.tries:
                self._next(request)
        shape.answered()

    def _refused(self, refusal):
        """An exception, which tells no length: whether it settles an attempt, as it does where it
        can only be one.
        """
        found = None
        for shape in self._shapes:
            if shape.owed and shape.refusal == refusal:
                if found is not None:
                    return False
                found = shape
        if found is not None:
            found.answered()
        return True

    def _answered(self, request):
        request.shape.slave.fails = 0
        self._state = _IDLE
        self._next(request)

    def _next(self, request):
        """When the request is due again."""
        request.tries = 0
        now = time.ticks_ms()
        wait_ms = request.poll_ms
        fails = request.shape.slave.fails
        if fails:
            silent_ms = min(self._timeout_ms << min(fails, 10), _LONGEST_REST_MS)
            wait_ms = max(wait_ms, silent_ms)
            for other in () if request.shape.slave.late_ms else self._requests:  # of the same slave
                if other is not request and other.shape.slave is request.shape.slave:
                    other.drop()
                    other.tries = 0
                    other.due_ms = time.ticks_add(now, wait_ms)
        due = time.ticks_add(request.due_ms, wait_ms)
        request.due_ms = due if time.ticks_diff(due, now) > 0 else time.ticks_add(now, wait_ms)

    def _rest(self):
        self._state = _IDLE
        self._until_ms = time.ticks_add(time.ticks_ms(), self._gap_ms)
        return self._gap_ms

    def _receive(self):
        """Append what came, and say how much; of more than fits the oldest goes."""
        part, buf = self._part, self._buf
        n = self._port.receive(part)
        if self._end + n > _BUFFER:
            self._cut(0, _BUFFER // 2)
        end = self._end
        for i in range(n):
            buf[end + i] = part[i]
        self._end = end + n
        return n

    def _cut(self, at, size):
        """Take these bytes out of the buffer."""
        buf = self._buf
        self._end -= size
        for i in range(at, self._end):
            buf[i] = buf[i + size]


def _comes_before(a, b):
    if a.tries != b.tries:
        return a.tries < b.tries
    return time.ticks_diff(a.due_ms, b.due_ms) + a.poll_ms < b.poll_ms
