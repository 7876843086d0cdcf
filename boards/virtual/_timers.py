# SPDX-License-Identifier: MIT
"""`machine.Timer` and `machine.WDT`: what comes due in virtual time while the program does
something else.

Waiting looks here before each step. While the program computes, or the interpreter's REPL waits for
a key, a thread looks fifty times a second; its garbage collection signals the waiting thread, whose
read then returns and runs what was scheduled. The thread lives only while something is armed.
"""

import _thread
import gc

import _clock
import _host
import _power
import micropython

_FOREVER_US = 1 << 60
_WATCH_MS = 20
_armed = []
_lock = _thread.allocate_lock()
_watching = False
_wdt_due_us = _FOREVER_US


def _arm():
    """After a change: know the next moment, and have it watched."""
    global _watching
    due = _wdt_due_us
    for timer in _armed:
        due = min(due, timer._due_us)
    _clock.next_due_us = due
    if due < _FOREVER_US and not _watching:
        _watching = True
        _thread.start_new_thread(_watch, ())


def _watch():
    global _watching
    while _clock.next_due_us < _FOREVER_US:
        _host.time.sleep_ms(_WATCH_MS)
        if _clock.now_us() >= _clock.next_due_us:
            _fire_due()
            if _clock.at_repl:
                gc.collect()
    _watching = False


def _fire_due():
    if not _lock.acquire(0):
        return
    try:
        now = _clock.now_us()
        if now >= _wdt_due_us:
            _power.reset(3)
        for timer in _armed[:]:
            if now >= timer._due_us:
                timer._fire(now)
        _arm()
    finally:
        _lock.release()


class Timer:
    ONE_SHOT = 0
    PERIODIC = 1
    _timers = {}

    def __new__(cls, id, **options):
        if not isinstance(id, int):
            raise TypeError("can't convert to int")
        if not -1 <= id < 4:
            raise ValueError("invalid Timer number, max 4")
        if id == -1:
            return object.__new__(cls)
        if id not in cls._timers:
            cls._timers[id] = object.__new__(cls)
        return cls._timers[id]

    def __init__(self, id, **options):
        self._id = id
        if options:
            self.init(**options)

    def __repr__(self):
        return "Timer(%d)" % self._id

    def init(
        self, *, mode=1, callback=None, period=0xFFFFFFFF, tick_hz=1000, freq=None, hard=False
    ):
        if hard:
            raise ValueError("hard Timers are not implemented")
        if freq is None:
            self._period_us = period * 1_000_000 // tick_hz
        else:
            self._period_us = int(1_000_000 / freq)
        self._callback = callback
        self._periodic = mode
        self._due_us = _clock.now_us() + self._period_us
        if self not in _armed:
            _armed.append(self)
        _arm()

    def deinit(self):
        if self in _armed:
            _armed.remove(self)
            _arm()

    def _fire(self, now):
        if self._periodic and self._period_us > 0:
            missed = (now - self._due_us) // self._period_us
            self._due_us += (missed + 1) * self._period_us
        else:
            _armed.remove(self)
        if self._callback is not None:
            try:
                micropython.schedule(self._callback, self)
            except RuntimeError:
                pass  # the queue is full: the chip drops it too


class WDT:
    """Once started it cannot be stopped: who does not feed it is reset, at the REPL too."""

    def __init__(self, id=0, timeout=5000):
        if id != 0:
            raise ValueError
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        self._timeout_us = timeout * 1000
        self.feed()

    def feed(self):
        global _wdt_due_us
        _wdt_due_us = _clock.now_us() + self._timeout_us
        _arm()


_clock.fire_due = _fire_due
