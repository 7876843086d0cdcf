# SPDX-License-Identifier: MIT
"""What sensors are wired to: pulse counters, the analogue converter, 1-Wire.

A driver is handed one of these, never a pin number.
"""

import machine


def counter(unit, gpio, filter_ns):
    """A running count of rising edges; `value()` never resets it. `unit` is the PCNT unit."""
    pin = machine.Pin(gpio, machine.Pin.IN)
    return machine.Counter(unit, pin, filter_ns=filter_ns)


def unit(number, gpio, filter_ns, turn, reverse=None):
    """The bare PCNT unit, a tenth of the cost: `value()` starts again at 0 at `turn` pulses.

    Pulses at the GPIO `reverse` count down.
    """
    import esp32

    pcnt = esp32.PCNT(number, min=-turn, max=turn)
    pcnt.init(
        channel=0,
        pin=machine.Pin(gpio, machine.Pin.IN),
        rising=esp32.PCNT.INCREMENT,
        filter=min(filter_ns * 80 // 1000, 1023),
        value=0,
    )
    if reverse is not None:
        pin = machine.Pin(reverse, machine.Pin.IN)
        pcnt.init(channel=1, pin=pin, rising=esp32.PCNT.DECREMENT)
    pcnt.start()
    return pcnt


def converter(gpio):
    """An input of ADC1 up to about 2.45 V; `read_uv()` is calibrated by the chip's eFuses."""
    return machine.ADC(machine.Pin(gpio), atten=machine.ADC.ATTN_11DB)


def one_wire(gpio):
    """A 1-Wire bus: reset, write and read as bytes."""
    import onewire

    return onewire.OneWire(machine.Pin(gpio))


def level(gpio):
    """A call that gives the level of a pin whose contact goes to ground: 0 while it is closed."""
    return machine.Pin(gpio, machine.Pin.IN, machine.Pin.PULL_UP).value


def every_edge(gpio):
    """A count of edges by interrupt, which tells that there were some, for chips without PCNT."""
    from tirta_node.hal.edges import EveryEdge

    return EveryEdge(machine.Pin(gpio, machine.Pin.IN, machine.Pin.PULL_UP))


def edges(gpio):
    """A counter by interrupt, for chips without PCNT."""
    from tirta_node.hal.edges import EdgeCounter

    return EdgeCounter(machine.Pin(gpio, machine.Pin.IN, machine.Pin.PULL_UP))


def i2c(scl, sda, freq):
    """The I2C bus; a device may stretch the clock for a millisecond."""
    pins = machine.Pin(scl), machine.Pin(sda)
    return machine.I2C(0, scl=pins[0], sda=pins[1], freq=freq, timeout=1000)


def rs485(config):
    """(A half-duplex line on UART 1, microseconds that a character takes on it)."""
    from tirta_node.hal.rs485 import HalfDuplex

    parity = (None, 0, 1)[config["parity"]]
    uart = machine.UART(
        1,
        baudrate=config["baud"],
        bits=8,
        parity=parity,
        stop=config["stop"],
        tx=machine.Pin(config["tx"]),
        rx=machine.Pin(config["rx"]),
        timeout=0,
        rxbuf=256,
    )
    direction = None
    if "de" in config:
        direction = machine.Pin(config["de"], machine.Pin.OUT, value=0)
    bits = 9 + config["stop"] + (parity is not None)
    char_us = bits * 1000000 // config["baud"] + 1
    return HalfDuplex(uart, direction, char_us), char_us


def sdi12(gpio):
    """The data line of SDI-12: UART 2 listens, the RMT sends."""
    from tirta_node.hal.sdi12 import Sdi12Line

    pin = machine.Pin(gpio)
    uart = machine.UART(
        2,
        baudrate=1200,
        bits=7,
        parity=0,
        stop=1,
        tx=pin,
        rx=pin,
        timeout=0,
        rxbuf=256,
        invert=machine.UART.INV_TX | machine.UART.INV_RX,
    )
    return Sdi12Line(uart, pin)


def board_temperature():
    """A function that gives the chip's temperature in whole degrees; the classic ESP32 tells it in
    Fahrenheit.
    """
    import esp32

    if hasattr(esp32, "mcu_temperature"):
        return esp32.mcu_temperature
    from tirta_node.hal.celsius import read  # a function of this module would keep all of it in RAM

    return read
