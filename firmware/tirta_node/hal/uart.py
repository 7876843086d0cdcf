# SPDX-License-Identifier: MIT
"""The rate of UART0, which the REPL uses too.

The port sets it first and fails afterwards, at what needs a driver of ESP-IDF: the REPL's UART has
none. So the error says nothing about the rate: whoever asks must find out by a round trip.
"""

import machine


def switch(baud):
    """Run UART0 at `baud`; False when the port has no such line."""
    try:
        machine.UART(0, baudrate=baud)
    except OSError:
        pass
    except ValueError:
        return False
    return True
