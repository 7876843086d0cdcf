# SPDX-License-Identifier: MIT
"""Brokers of MQTT for tests: Mosquitto where Debian's package is installed, else the one in Python
that `tirta receive --embedded` starts.
"""

import contextlib
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from patience import wait_for

from tirta.receive.broker import embedded

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin")


def free_port() -> int:
    """A port of this computer where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Mosquitto:
    """Killed and started again at the same port; it keeps nothing over that, as a wiped one."""

    def __init__(self, folder: Path, port: int) -> None:
        self._config = folder / "mosquitto.conf"
        text = f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n"
        self._config.write_text(text)
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    def configure(self, text: str) -> None:
        """Take another configuration at the next start; it listens at `port`."""
        self._config.write_text(text)

    def start(self) -> None:
        """Listen; returns when it does."""
        command = [str(MOSQUITTO), "-c", str(self._config)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(lambda: answers(self.port))

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[int]:
    """Some broker; its port."""
    port = free_port()
    if MOSQUITTO is None:
        with embedded("127.0.0.1", port):
            yield port
        return
    made = Mosquitto(folder, port)
    made.start()
    try:
        yield port
    finally:
        made.kill()
