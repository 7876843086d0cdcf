# SPDX-License-Identifier: MIT
"""What is needed of Wi-Fi and sockets until a connection stands, and not afterwards. Nothing here
waits, as in radio.py. A cable is wired.py's, until it has an address.
"""

import errno
import select
import socket

import network
from micropython import const

_NAMES = const(53)  # the port of a server of names


def begin(ssid, key):
    """A station that joins `ssid`. Switching the radio on takes some 100 ms, so that is done at a
    start, before any sample is due; `connect` only begins.
    """
    station = network.WLAN(network.WLAN.IF_STA)
    if not station.active():
        station.active(True)
        station.connect(ssid, key)
    return station


def problem(radio, by_cable):
    """Why a Radio has not joined, as a text."""
    if radio.station is None:
        return "the Ethernet chip does not answer"
    status = radio.station.status()
    if by_cable:
        if status == network.ETH_CONNECTED:
            return "no address from the network"
        return "no Ethernet cable"
    if status == network.STAT_NO_AP_FOUND:
        return "no access point of that name"
    if status == network.STAT_WRONG_PASSWORD:
        return "the access point refuses the password"
    return "joining the access point"


class Dial:
    """A connection to (address, port) that comes about; the address is four numbers."""

    def __init__(self, address):
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self.socket, select.POLLOUT)
        try:
            self.socket.connect(socket.getaddrinfo(*address)[0][-1])
        except OSError as error:
            if error.errno != errno.EINPROGRESS:
                self.close()
                raise

    def answer(self):
        """Whether it takes bytes. One that was refused does, too, and errs with the first."""
        for _ in self._poll.ipoll(0):
            return True
        return False

    def close(self):
        """Let go of it."""
        self.socket.close()


class Asker:
    """A question to the server of names that a Radio knows, and its answer."""

    def __init__(self, radio, question):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        server = radio.station.ifconfig()[3]
        self._socket.sendto(question, socket.getaddrinfo(server, _NAMES)[0][-1])

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
