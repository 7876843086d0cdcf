# SPDX-License-Identifier: MIT
"""What alarms are wired to. Loaded where a config names alarms."""

import machine


def output(gpio):
    """A digital output that is low until it is told otherwise."""
    return machine.Pin(gpio, machine.Pin.OUT, value=0)


def contact(gpio):
    """A contact to ground: `value()` is 1 while it is open."""
    return machine.Pin(gpio, machine.Pin.IN, machine.Pin.PULL_UP)
