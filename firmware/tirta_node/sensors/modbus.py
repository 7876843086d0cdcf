# SPDX-License-Identifier: MIT
"""Modbus RTU master: asks slaves on RS-485 for registers, one request at a time, never waiting.

Requests and slaves are those of modbus_request.py. A slave that does not answer is asked ever more
rarely, so that it delays nobody else. A late answer looks like one to the next request of the same
shape (slave, function, count): such a request waits until none can come any more.
"""

import time

from micropython import const

from tirta_node.sensors import modbus_frame

_BUFFER = const(192)
_PART = const(32)  # bytes taken in one step
_IDLE = const(0)
_SENDING = const(1)
_LISTENING = const(2)
_REST_MS = const(1000)  # nothing is due
_LATE_MS = const(2000)  # least time in which a late answer may still come
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
        self._late_ms = max(_LATE_MS, 4 * timeout_ms)
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

    def poll(self):
        """One step; milliseconds until the next."""
        if self._state == _IDLE:
            return self._begin()
        if self._state == _SENDING:
            left = self._port.finish()
            if left:
                return left
            size = 5 + 2 * self._request.count
            wait_ms = self._timeout_ms + size * self._char_us // 1000 + 1
            self._until_ms = time.ticks_add(time.ticks_ms(), wait_ms)
            self._state = _LISTENING
        return self._listen()

    def _begin(self):
        now = time.ticks_ms()
        left = time.ticks_diff(self._until_ms, now)
        if left > 0:
            return left
        heard = self._port.receive(self._part)
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
        if not request.tries:
            request.first_ms = now
        request.owed = True
        request.last_ms = now
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
            if left <= 0 and request.slave.fails:
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
        """Until no late answer can be taken for the answer to this request. A retry does not wait:
        what comes answers one of its attempts.
        """
        for request in self._requests:
            if not request.owed or (request is wanted and request.tries):
                continue
            left = self._late_ms - time.ticks_diff(now, request.last_ms)
            if left <= 0:
                request.owed = False
            elif request.head == wanted.head:
                return left
        return 0

    def _listen(self):
        request = self._request
        self._receive()
        size = 5 + 2 * request.count
        at = modbus_frame.find(self._buf, self._end, request.head, size, request.frame)
        if at >= 0:
            self.answers += 1
            for channel in request.channels:
                channel.take(self._buf, at + 3, request.first_ms)
            return self._answered(request)
        at = modbus_frame.find(
            self._buf, self._end, request.refusal, modbus_frame.EXCEPTION_BYTES, request.frame
        )
        if at >= 0:
            self.exceptions += 1
            request.drop()
            return self._answered(request)
        left = time.ticks_diff(self._until_ms, time.ticks_ms())
        if left > 0:
            missing = max(size - self._end, 1)
            return min(left, max(missing * self._char_us // 1000, 1))
        self.timeouts += 1
        request.tries += 1
        if request.tries > self._retries or request.slave.fails:
            request.drop()
            request.slave.fails += 1
            self._next(request)
        return self._rest()

    def _answered(self, request):
        request.owed = request.first_ms != request.last_ms  # an earlier attempt may be answered too
        request.slave.fails = 0
        self._next(request)
        return self._rest()

    def _next(self, request):
        """When the request is due again."""
        request.tries = 0
        now = time.ticks_ms()
        wait_ms = request.poll_ms
        fails = request.slave.fails
        if fails:
            silent_ms = min(self._timeout_ms << min(fails, 10), _LONGEST_REST_MS)
            wait_ms = max(wait_ms, silent_ms)
            for other in self._requests:  # of the same slave
                if other is not request and other.slave is request.slave:
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
        """Append what came; of more than fits the oldest goes."""
        part, buf = self._part, self._buf
        n = self._port.receive(part)
        if self._end + n > _BUFFER:
            drop = _BUFFER // 2
            self._end -= drop
            for i in range(self._end):
                buf[i] = buf[i + drop]
        end = self._end
        for i in range(n):
            buf[end + i] = part[i]
        self._end = end + n


def _comes_before(a, b):
    if a.tries != b.tries:
        return a.tries < b.tries
    return time.ticks_diff(a.due_ms, b.due_ms) + a.poll_ms < b.poll_ms
