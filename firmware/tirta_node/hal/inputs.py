# SPDX-License-Identifier: MIT
"""What sensors are wired to: pulse counters, the analogue converter, 1-Wire.

A driver is handed one of these, never a pin number.
"""

import machine
import onewire


def counter(unit, gpio, filter_ns):
    """A running count of rising edges; `value()` never resets it. `unit` is the PCNT unit."""
    pin = machine.Pin(gpio, machine.Pin.IN)
    return machine.Counter(unit, pin, filter_ns=filter_ns)


def converter(gpio):
    """An input of ADC1 up to about 2.45 V; `read_uv()` is calibrated by the chip's eFuses."""
    return machine.ADC(machine.Pin(gpio), atten=machine.ADC.ATTN_11DB)


def one_wire(gpio):
    """A 1-Wire bus: reset, write and read as bytes."""
    return onewire.OneWire(machine.Pin(gpio))
