# SPDX-License-Identifier: MIT
"""The port's `select`: waiting for the line, which is how a node waits for anything.

A poll that waits is a wait in virtual time. The object that ipoll yields is one tuple per
registered stream, made once: waiting and reading take nothing from the heap.
"""

import _clock
import _host

POLLIN = _host.select.POLLIN
POLLOUT = _host.select.POLLOUT
POLLERR = _host.select.POLLERR
POLLHUP = _host.select.POLLHUP


class poll:
    def __init__(self):
        self._poll = _host.select.poll()
        self._entries = []  # [stream as registered, the process's stream, mask, (stream, mask)]
        self._next = 0
        self._found = False

    def register(self, stream, eventmask=POLLIN | POLLOUT):
        self.unregister(stream)
        real = getattr(stream, "real", stream)
        if eventmask & POLLIN:
            self._poll.register(real, POLLIN)
        self._entries.append((stream, real, eventmask, (stream, eventmask & POLLIN)))

    def unregister(self, stream):
        for entry in self._entries:
            if entry[0] is stream:
                self._entries.remove(entry)
                if entry[2] & POLLIN:
                    self._poll.unregister(entry[1])
                return

    def modify(self, stream, eventmask):
        self.unregister(stream)
        self.register(stream, eventmask)

    def poll(self, timeout=-1):
        return list(self.ipoll(timeout))

    def ipoll(self, timeout=-1, flags=0):
        for entry in self._entries:
            if entry[2] & POLLOUT:  # the UART always takes a byte, if after some ticks
                return [(entry[0], POLLOUT)]
        if timeout is None or timeout < 0:
            self._found = _clock.wait_input(self._poll, -1)
        else:
            self._found = _clock.wait_input(self._poll, timeout * 1000)
        self._next = 0
        return self

    def __iter__(self):
        return self

    def __next__(self):
        while self._found and self._next < len(self._entries):
            entry = self._entries[self._next]
            self._next += 1
            if len(self._entries) == 1 or self._is_ready(entry[1]):
                return entry[3]
        self._found = False
        raise StopIteration

    def _is_ready(self, real):
        for ready in self._poll.ipoll(0):  # noqa: SIM110 - a generator takes heap
            if ready[0] is real:
                return True
        return False
