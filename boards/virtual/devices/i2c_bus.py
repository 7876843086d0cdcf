# SPDX-License-Identifier: MIT
"""An I2C bus: devices by address, those that do not answer, and a line that is held low.

The devices of this folder are models of data sheets. They know `time` and nothing else, so the
virtual board and the tests of drivers share them. Each has `write(data)` and `read(buf)`, one
transfer each.
"""

ENODEV = 19  # what the ESP32 port raises when nobody acknowledges the address
ETIMEDOUT = 116  # and when the lines do not move; the number is that of the chip's C library


class Bus:
    def __init__(self, devices):
        self.devices = devices
        self.absent = set()  # addresses
        self.stuck = False

    def writeto(self, address, buf, stop=True):
        self._device(address).write(buf)
        return len(buf)

    def readfrom_into(self, address, buf, stop=True):
        self._device(address).read(buf)

    def answers(self, address):
        return address in self.devices and address not in self.absent

    def _device(self, address):
        if self.stuck:
            raise OSError(ETIMEDOUT)
        if not self.answers(address):
            raise OSError(ENODEV)
        return self.devices[address]
