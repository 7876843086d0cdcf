# SPDX-License-Identifier: MIT
"""A sonde on an SDI-12 line (SDI-12 Support Group, version 1.4): commands in, answers out.

`aM!` and `aC!` promise values in some seconds; after `aM!` a service request follows when they are
there. `aD0!` to `aD9!` bring up to 35 characters of values each after M, 75 after C; `aR0!` brings
them at once. A C behind M, C or R asks for a CRC behind the values.
"""

import time

_BEGIN_MS = 9  # an answer begins 8.33 ms after the command at the earliest, 15 ms at the latest
_LINE = {"M": 35, "C": 75, "R": 75}


class Sonde:
    """`values()` gives the texts of a measurement, each with its sign; `seconds`: what it takes."""

    def __init__(self, address, values, seconds=2):
        self._address = address
        self._values = values
        self._seconds = seconds
        self._pages = []
        self._ready_ms = 0
        self._with_crc = False
        self.wrong_crc = False

    def answer(self, command):
        """[(milliseconds behind the command's end, bytes)] for `command`, without its !."""
        if command == "?" or command[:1] != self._address:
            return [(_BEGIN_MS, self._line(self._address))] if command == "?" else []
        asked = command[1:]
        letters = asked.rstrip("0123456789")
        number = asked[len(letters) :]
        if asked == "":
            return [(_BEGIN_MS, self._line(self._address))]
        if asked == "I":
            return [(_BEGIN_MS, self._line(self._address + "14Tirta   sonde 100"))]
        if letters == "D" and len(number) == 1:
            return [(_BEGIN_MS, self._data(int(number)))]
        if letters not in ("M", "MC", "C", "CC", "R", "RC") or len(number) > 1:
            return []
        if (letters[0] != "R" and number == "0") or number not in ("", "0"):
            return [(_BEGIN_MS, self._line(self._address + "0000" + "0" * (letters[0] == "C")))]
        return self._measure(letters)

    def _measure(self, letters):
        self._with_crc = letters[-1:] == "C" and len(letters) == 2
        values = self._values()
        if letters[0] == "M":
            values = values[:9]
        self._pages = _pages(values, _LINE[letters[0]])
        seconds = 0 if letters[0] == "R" else self._seconds
        self._ready_ms = time.ticks_add(time.ticks_ms(), seconds * 1000)
        if letters[0] == "R":
            return [(_BEGIN_MS, self._data(0))]
        head = ("%s%03d%02d" if letters[0] == "C" else "%s%03d%d") % (
            self._address, seconds, len(values),
        )  # fmt: skip
        found = [(_BEGIN_MS, self._line(head))]
        if letters[0] == "M" and seconds:
            found.append((seconds * 1000, self._line(self._address)))
        return found

    def _data(self, page):
        ready = time.ticks_diff(time.ticks_ms(), self._ready_ms) >= 0
        text = self._pages[page] if ready and page < len(self._pages) else ""
        return self._line(self._address + text, self._with_crc)

    def _line(self, text, with_crc=False):
        data = text.encode()
        if with_crc:
            crc = _crc16(data) ^ (1 if self.wrong_crc else 0)
            data += bytes([0x40 | crc >> 12, 0x40 | crc >> 6 & 63, 0x40 | crc & 63])
        return data + b"\r\n"


def _pages(values, room):
    """Texts of whole values, each as long as a line may be."""
    found = [""]
    for value in values:
        if len(found[-1]) + len(value) > room:
            found.append("")
        found[-1] += value
    return found


def _crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc
