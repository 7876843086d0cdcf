# SPDX-License-Identifier: MIT
"""The network of the ESP32 port, and the one connection that a node has over it. Nothing here
waits: `send` and `receive` take what there is. How network and connection come about is in
joining.py and wired.py.
"""

import errno


class Radio:
    """`station` is what joins a network, by radio or by cable, None where its chip is broken; the
    driver comes back to it by itself when it was lost. `socket` is the connection, None without.
    """

    def __init__(self, station):
        self.socket = None
        self.station = station

    def is_joined(self):
        """Whether there is an address."""
        return self.station is not None and self.station.isconnected()

    def send(self, data):
        """Send a part of `data`; return how many bytes. Raises OSError where nobody hears."""
        socket = self.socket
        try:
            return socket.send(data) if socket is not None else 0
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return 0
            raise

    def receive(self, buf):
        """Fill `buf` with what came; return how many bytes. Raises OSError at the stream's end."""
        socket = self.socket
        count = socket.readinto(buf) if socket is not None else None
        if count is None:
            return 0
        if not count:
            raise OSError(errno.ECONNRESET)
        return count

    def switch_off(self):
        """Leave the network, so that its driver begins anew. One that passes nothing on any more
        still calls itself connected.
        """
        self.close()
        self.station.active(False)

    def close(self):
        """Let go of the connection."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None
