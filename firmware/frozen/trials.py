# SPDX-License-Identifier: MIT
"""Whether a new application on trial starts once more. Only loaded while there is one.

It has _TRIES boots to confirm itself (tirta_node/updates/app_trial.py); soft resets are none. Each
boot is counted on flash before it begins, so whatever the application does, and whenever the power
goes, the one in force starts again in the end.
"""

from micropython import const

from tirta_format import state, updates
from tirta_node.hal import chip, watchdog
from tirta_node.state import copies

_TRIES = const(3)
_SOFT_RESET = const(5)  # FORMAT.md section 5
_START_S = const(240)  # a new application that has not come to life by then hangs
_GIVE_UP_S = const(5)


def begin(flash, fields):
    """The slot that starts now, on trial or not; what that changes is kept before."""
    trial = fields[state.TRIAL]
    boots = trial[1]
    in_force = fields.get(state.SLOT, b"")
    if chip.reset_cause() == _SOFT_RESET:
        return trial[:1] if boots else in_force
    if boots >= _TRIES:
        end(flash, fields, updates.UNCONFIRMED)
        return in_force
    counted = trial[:1] + bytes((boots + 1,)) + trial[2:]
    if not _keep(flash, {state.TRIAL: counted}):
        return in_force
    chip.reset_after(_START_S)
    if fields.get(state.MODE) == b"locked" and not chip.visit()[1]:
        watchdog.start(_START_S * 1000)  # native code that hangs keeps the timer's call out
    return trial[:1]


def end(flash, fields, result):
    """Give the new application up; whether that is kept."""
    outcome = bytes((result,)) + fields[state.TRIAL][2:]
    return _keep(flash, {state.TRIAL: None, state.OUTCOME: outcome})


def failed(flash, fields):
    """The application on trial ended in an exception: seconds until the one in force starts."""
    return _GIVE_UP_S if end(flash, fields, updates.FAILED) else 0


def _keep(flash, changes):
    try:
        copies.change(flash, changes)
    except OSError as error:
        print("Tirta:", error)
        return False
    return True
