# SPDX-License-Identifier: MIT
"""Virtual time, and the only place where anything waits.

Virtual time is the computer's monotonic clock plus an offset that only grows: computing takes the
time that it takes, waiting is shortened by moving the offset (a *jump*). At speed N a wait takes
1/N of its time; at `max` it takes none, as long as a scenario runs and its end is not reached. Time
runs at 1 while the REPL has the wire and for a while after each input (a laptop's timeouts must
hold). It also runs at 1 while a device outside (a Modbus slave on the laptop) is to answer.
"""

import _host
import _state

TICK_US = 10_000  # of FreeRTOS
_WAITING_US = 5_000_000
_FOREVER_US = 1 << 60

real_us = _host.time.ticks_us
_offset_us = _state.get(_state.CLOCK_OFFSET_US)
_speed = _state.get(_state.SPEED)
_talk_us = _state.get(_state.TALK_US)
_quiet_until_us = _state.get(_state.QUIET_UNTIL_US)
if real_us() - _quiet_until_us < _WAITING_US:  # the laptop asked for this start, and waits for it
    _quiet_until_us = real_us() + _WAITING_US
_peer_until_us = 0  # the computer's clock until which a device outside is waited for
at_repl = False
fire_due = None  # set by _timers: runs what is due
next_due_us = _FOREVER_US  # virtual time of the next timer; set by _timers
fast_until_us = 0  # virtual time at which `max` ends; set by _water


def now_us():
    return real_us() + _offset_us


def input_seen():
    """The laptop talks: time runs at 1 for a while."""
    global _quiet_until_us
    _quiet_until_us = real_us() + _talk_us
    _state.put(_state.QUIET_UNTIL_US, _quiet_until_us)


def await_peer(at_most_us):
    """A device outside is to answer: time runs at 1 for so long, from now on."""
    global _peer_until_us
    _peer_until_us = max(_peer_until_us, real_us() + at_most_us)


def sleep_us(duration_us):
    _pass(duration_us, None)


def wait_input(poller, duration_us):
    """Wait at most `duration_us` (negative: for ever) for a ready stream of `poller`."""
    return _pass(_FOREVER_US if duration_us < 0 else duration_us, poller)


def _jump(by_us):
    global _offset_us
    # In this order: an interrupt in between may only make time run ahead after a reset.
    _state.put(_state.CLOCK_OFFSET_US, _offset_us + by_us)
    _offset_us += by_us


def _pass(duration_us, poller):
    end_us = now_us() + duration_us
    while True:
        if poller is not None and _ready(poller, 0):
            input_seen()
            return True
        now = real_us() + _offset_us
        if now >= next_due_us:
            fire_due()
            now = real_us() + _offset_us
        step_us = end_us - now
        if step_us <= 0:
            return False
        if next_due_us < end_us:
            step_us = max(0, next_due_us - now)
        speed = _speed
        quiet_us = max(_quiet_until_us, _peer_until_us) - real_us()
        if at_repl:
            speed = 1
        elif quiet_us > 0:
            speed = 1
            step_us = min(step_us, quiet_us)
        elif speed == 0:
            fast_us = fast_until_us - now
            if fast_us > 0:
                _jump(min(step_us, fast_us))
                continue
            speed = 1
        _wait_real(step_us, speed, poller)


def _wait_real(step_us, speed, poller):
    begin_us = real_us()
    wait_us = step_us // speed
    if poller is None:
        _host.time.sleep_us(min(wait_us, 1_000_000))
    elif wait_us >= 1000:
        _ready(poller, min(wait_us // 1000, 60_000))
    else:
        _host.time.sleep_us(wait_us)
    if speed > 1:
        waited_us = real_us() - begin_us
        _jump(max(0, min(waited_us * speed, step_us) - waited_us))


def _ready(poller, timeout_ms):
    for _ in poller.ipoll(timeout_ms):
        return True
    return False
