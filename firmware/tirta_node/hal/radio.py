# SPDX-License-Identifier: MIT
"""Wi-Fi and sockets of the ESP32 port. Nothing here waits: `connect` of station and socket only
begin, `send` and `receive` take what there is. Switching the radio on takes some 100 ms, so that is
done at a start, before any sample is due.
"""

import errno
import select
import socket

import network
from micropython import const

_NAMES = const(53)  # the port of a server of names


class Radio:
    """A station that joins `ssid`; the driver comes back to it by itself when it was lost."""

    def __init__(self, ssid, key):
        self._station = network.WLAN(network.WLAN.IF_STA)
        if not self._station.active():
            self._station.active(True)
            self._station.connect(ssid, key)

    def is_joined(self):
        """Whether there is an address."""
        return self._station.isconnected()

    def problem(self):
        """Why not, as a text."""
        status = self._station.status()
        if status == network.STAT_NO_AP_FOUND:
            return "no access point of that name"
        if status == network.STAT_WRONG_PASSWORD:
            return "the access point refuses the password"
        return "joining the access point"

    def name_server(self):
        """The address of the server of names."""
        return self._station.ifconfig()[3], _NAMES


class Stream:
    """A connection to (address, port), where the address is four numbers."""

    def __init__(self, address):
        self._socket = socket.socket()
        self._socket.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLOUT)
        try:
            self._socket.connect(socket.getaddrinfo(*address)[0][-1])
        except OSError as error:
            if error.errno != errno.EINPROGRESS:
                self.close()
                raise

    def is_open(self):
        """Whether it takes bytes. One that was refused does, too, and errs with the first."""
        for _ in self._poll.ipoll(0):
            return True
        return False

    def send(self, data):
        """Send a part of `data`; return how many bytes. Raises OSError where nobody hears."""
        try:
            return self._socket.send(data)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return 0
            raise

    def receive(self, buf):
        """Fill `buf` with what came; return how many bytes. Raises OSError at the stream's end."""
        count = self._socket.readinto(buf)
        if count is None:
            return 0
        if not count:
            raise OSError(errno.ECONNRESET)
        return count

    def close(self):
        """Let go of it."""
        self._socket.close()


class Asker:
    """Questions to a server of names and answers from it, in packets."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def ask(self, server, question):
        """Send a question to (address, port)."""
        self._socket.sendto(question, socket.getaddrinfo(*server)[0][-1])

    def answer(self):
        """What came, or nothing."""
        try:
            return self._socket.recv(512)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return b""
            raise

    def close(self):
        """Let go of it."""
        self._socket.close()
