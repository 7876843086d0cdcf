# SPDX-License-Identifier: MIT
"""Modbus RTU master: asks slaves on RS-485 for registers, one request at a time, never waiting.

A *request* reads registers that lie together, for one channel or several. A *slave* that does not
answer is asked ever more rarely, so that it delays nobody else. A late answer looks like one to
the next request of the same shape (slave, function, count): such a request waits until none can
come any more.
"""

import time

from micropython import const

from tirta_node.sensors import modbus_frame
from tirta_node.sensors.held import Held
from tirta_node.sensors.numbers import BAD, number

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


class Register(Held):
    """A channel: a number in the registers of its request.

    `order` has bit 0 set when the bytes of each register are swapped, bit 1 when the two registers
    are. The value is the number times `mul` / `div`, plus `shift`.
    """

    def __init__(self, kind, order, ratio, shift, max_age_ms):
        super().__init__(max_age_ms)
        self._at = 0
        self._kind = kind
        self._order = order
        self._mul = ratio[0]
        self._div = ratio[1]
        self._shift = shift

    def place(self, offset):
        """It lies `offset` registers into its request."""
        self._at = 2 * offset

    def take(self, buf, at, asked_ms):
        """Read the number out of the answer, whose registers begin at `at`."""
        at += self._at
        swap = self._order & 1
        first = buf[at + swap] << 8 | buf[at + 1 - swap]
        if self._kind < 2:
            second, first = first, 0
        else:
            second = buf[at + 2 + swap] << 8 | buf[at + 3 - swap]
            if self._order & 2:
                first, second = second, first
        value = number(self._kind, first, second, self._mul, self._div)
        if value == BAD:
            self.drop()
        else:
            self.put(value + self._shift, asked_ms)


class Slave:
    """How a slave behaves: `fails` polls in a row without an answer."""

    def __init__(self, address):
        self.address = address
        self.fails = 0


class Request:
    """`channels` read `count` registers from `register` on, every `poll_ms`."""

    def __init__(self, slave, function, register, count, channels, poll_ms):
        self.slave = slave
        self.function = function
        self.count = count
        self.channels = channels
        self.poll_ms = poll_ms
        self.frame = modbus_frame.request(slave.address, function, register, count)
        self.head = bytes((slave.address, function, 2 * count))
        self.refusal = bytes((slave.address, function | 0x80))
        self.due_ms = time.ticks_ms()
        self.tries = 0
        self.first_ms = 0  # when the first attempt was sent: the answer may be to that one
        self.last_ms = 0
        self.owed = False  # an answer may still come

    def drop(self):
        """Every channel is missing."""
        for channel in self.channels:
            channel.drop()


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
        self.sent = 0
        self.answers = 0
        self.timeouts = 0
        self.exceptions = 0
        self.last_exception = 0
        self.noise = 0  # bytes that belonged to no answer

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
            self.noise += heard
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
        self.sent += 1
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
            self.noise += self._end - size
            for channel in request.channels:
                channel.take(self._buf, at + 3, request.first_ms)
            return self._answered(request)
        at = modbus_frame.find(
            self._buf, self._end, request.refusal, modbus_frame.EXCEPTION_BYTES, request.frame
        )
        if at >= 0:
            self.exceptions += 1
            self.last_exception = self._buf[at + 2]
            request.drop()
            return self._answered(request)
        left = time.ticks_diff(self._until_ms, time.ticks_ms())
        if left > 0:
            missing = max(size - self._end, 1)
            return min(left, max(missing * self._char_us // 1000, 1))
        self.timeouts += 1
        self.noise += self._end
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
            self.noise += drop
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
