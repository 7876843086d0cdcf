# SPDX-License-Identifier: MIT
"""The end of a run: resets and power cuts.

The chip cannot start itself again: it tells the supervisor and stands still until it is killed.
Nothing runs after that moment, no `finally`, no finaliser, no flash operation.
"""

import _host
import _wire
import micropython

dead = False


def reset(cause):
    """A reset of the whole chip; `cause` as machine.reset_cause() will tell it."""
    _end(b"reset %d" % cause)


def cut():
    """The power is gone."""
    _end(b"cut")


def soft_reset():
    """The interpreter starts again, the chip does not."""
    _end(b"soft")


def stand_still():
    """Until the supervisor ends the process; not even a pending interrupt wakes a dead chip."""
    micropython.kbd_intr(-1)
    while True:
        try:
            _host.time.sleep_ms(1000)
        except KeyboardInterrupt:
            pass


def _end(event):
    global dead
    if not dead:
        dead = True
        micropython.kbd_intr(-1)
        _wire.tell(event)
    stand_still()
