# SPDX-License-Identifier: MIT
"""The port's `select`: waiting for the line, which is how a node waits for anything.

A poll that waits is a wait in virtual time; without input it ends at the first tick of FreeRTOS
behind its time, up to 10 ms late. (`time.sleep_ms` is exact: it spins through what is left.) What
ipoll gives is made once per registered stream: waiting and reading take nothing from the heap.
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
        self._entries = []  # [stream as registered, the process's stream, mask, ((stream, mask),)]

    def register(self, stream, eventmask=POLLIN | POLLOUT):
        self.unregister(stream)
        real = getattr(stream, "real", stream)
        if eventmask & POLLIN and not hasattr(stream, "ready"):
            self._poll.register(real, POLLIN)
        self._entries.append((stream, real, eventmask, ((stream, eventmask & POLLIN),)))

    def unregister(self, stream):
        for entry in self._entries:
            if entry[0] is stream:
                self._entries.remove(entry)
                if entry[2] & POLLIN and not hasattr(stream, "ready"):
                    self._poll.unregister(entry[1])
                return

    def modify(self, stream, eventmask):
        self.unregister(stream)
        self.register(stream, eventmask)

    def poll(self, timeout=-1):
        return list(self.ipoll(timeout))

    def ipoll(self, timeout=-1, flags=0):
        for entry in self._entries:
            if entry[2] & POLLOUT:
                if not hasattr(entry[0], "ready"):
                    return ((entry[0], POLLOUT),)  # the UART takes a byte, if after some ticks
                told = entry[0].ready(entry[2])
                return ((entry[0], told),) if told else ()
        wait_us = -1 if timeout is None or timeout < 0 else timeout * 1000
        if wait_us > 0:  # FreeRTOS wakes who waits at a tick
            wait_us += -(_clock.now_us() + wait_us) % _clock.TICK_US
        if not _clock.wait_input(self._poll, wait_us):
            return ()
        if len(self._entries) == 1:
            return self._entries[0][3]
        return self._ready()

    def _ready(self):
        found = [ready[0] for ready in self._poll.ipoll(0)]
        return [entry[3][0] for entry in self._entries if entry[1] in found]
