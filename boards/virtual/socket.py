# SPDX-License-Identifier: MIT
"""The port's `socket`: the computer's own sockets, behind a radio that may fail.

What is sent while nothing passes stays in a buffer as long as lwIP's, and goes out if the way
returns; when the buffer is full, EAGAIN. Names are answered by a server at port 53 of the router,
and every name is this computer; who asks for one with `getaddrinfo` waits, as on the chip.
"""

import errno
import struct

import _clock
import _host
import _radio

AF_INET = 2
SOCK_STREAM = 1
SOCK_DGRAM = 2
IPPROTO_TCP = 6
SOL_SOCKET = 0xFFF
SO_REUSEADDR = 4

_SEND_BUFFER = 5744  # of lwIP, as the port has it
_NAME_US = 20_000
_NAME_TIMEOUT_US = 14_000_000  # of getaddrinfo, where nobody answers
_HERE = "127.0.0.1"
_ASKED = 12  # bytes of a header of DNS, then the question


def _is_address(host):
    parts = host.split(".")
    return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)


def getaddrinfo(host, port, *hints):
    if not _is_address(host):
        if _radio.world() & _radio.NO_NAMES or not _radio.passes():
            _clock.sleep_us(_NAME_TIMEOUT_US)
            raise OSError(-202)
        _clock.sleep_us(_NAME_US)
        host = _HERE
    return [(AF_INET, SOCK_STREAM, 0, "", (host, port))]


class socket:
    def __init__(self, af=AF_INET, type=SOCK_STREAM, proto=0):
        self._names = type == SOCK_DGRAM
        self._answer = None  # (due, bytes) of the server of names
        self._waiting = b""  # sent, and the way is gone
        self._blocking = True
        if not self._names:
            self._real = _host.socket.socket(_host.socket.AF_INET, _host.socket.SOCK_STREAM)
            self._poll = _host.select.poll()
            self._poll.register(self._real, _host.select.POLLIN | _host.select.POLLOUT)
            self._open = False  # the real one has been told to connect

    def setblocking(self, flag):
        self._blocking = flag
        if flag and not self._names:
            raise NotImplementedError("a node's socket must not block")
        if not self._names:
            self._real.setblocking(False)

    def settimeout(self, value):
        self.setblocking(value != 0)

    def setsockopt(self, *option):
        pass

    def connect(self, address):
        self._peer = address
        _radio.busy()
        self._go()
        raise OSError(errno.EINPROGRESS)

    def _go(self):
        """The first packet leaves, once there is a way."""
        if self._open or not _radio.passes():
            return
        self._open = True
        sockaddr = _host.socket.getaddrinfo(*self._peer)[0][-1]
        try:
            self._real.connect(sockaddr)
        except OSError as error:
            if error.errno != errno.EINPROGRESS:
                raise

    def _mask(self):
        for _, mask in self._poll.ipoll(0):
            return mask
        return 0

    def ready(self, mask):
        """What of `mask` holds now; errors always count."""
        if self._names:
            return mask
        self._go()
        if not self._open or not _radio.passes():
            return 0
        told = self._mask() & (mask | _host.select.POLLERR | _host.select.POLLHUP)
        if told:
            _radio.busy()
        return told

    def send(self, data):
        _radio.busy()
        if not _radio.passes():
            room = _SEND_BUFFER - len(self._waiting)
            if room <= 0:
                raise OSError(errno.EAGAIN)
            self._waiting += bytes(data[:room])
            return min(room, len(data))
        self._flush()
        count = _radio.allowed(len(data))
        sent = self._real.send(bytes(data[:count])) if count else 0
        if sent == count < len(data):  # the link went away in the middle of it
            rest = bytes(data[count:])[: _SEND_BUFFER - len(self._waiting)]
            self._waiting += rest
            return sent + len(rest)
        return sent

    write = send

    def _flush(self):
        while self._waiting:
            self._waiting = self._waiting[self._real.send(self._waiting) :]

    def recv(self, size):
        if self._names:
            return self._take_name()
        if not _radio.passes():
            raise OSError(errno.EAGAIN)
        self._flush()
        data = self._real.recv(size)
        _radio.busy()
        return data

    def readinto(self, buf, size=-1):
        """None when nothing is there yet."""
        try:
            data = self.recv(len(buf) if size < 0 else size)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return None
            raise
        buf[: len(data)] = data
        return len(data)

    def sendto(self, data, address):
        if self._names and address[1] == 53:
            _radio.busy()
            if _radio.passes() and not _radio.world() & _radio.NO_NAMES:
                self._answer = _clock.now_us() + _NAME_US, _named(data)
        return len(data)

    def _take_name(self):
        if self._answer is None or _clock.now_us() < self._answer[0]:
            raise OSError(errno.EAGAIN)
        answer = self._answer[1]
        self._answer = None
        return answer

    def close(self):
        if not self._names:
            self._poll.unregister(self._real)
            self._real.close()


def _named(question):
    """The answer of a server of names: there is one address, and it is this computer's. A name that
    ends in .invalid has none (RFC 2606).
    """
    count = 0 if b"\x07invalid\x00" in question else 1
    head = question[:2] + struct.pack(">HHHHH", 0x8180 if count else 0x8183, 1, count, 0, 0)
    address = bytes([int(part) for part in _HERE.split(".")])
    record = struct.pack(">HHHIH", 0xC00C, 1, 1, 60, 4) + address
    return head + question[_ASKED:] + record * count
