# SPDX-License-Identifier: MIT
"""The centre as a user runs it, a process, and clients of a broker that talk to it."""

import json
import os
import queue
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Self

import paho.mqtt.client as mqtt
import pytest
from commands import TIRTA
from paho.mqtt.enums import CallbackAPIVersion
from patience import wait_for
from sending_node import FLEET, SendingNode

from tirta.keys import office, vault


def keep_fleet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this computer the office of a waterworks that has the key of those nodes' fleet."""
    monkeypatch.setenv("TIRTA_PASSPHRASE", "of this test")
    office.init("waterworks")
    kept = vault.load()
    kept.fleets["waterworks"] = FLEET
    vault.save(kept)


class Receiver:
    """`tirta receive` in a process of its own."""

    def __init__(
        self, port: int, archive: Path, account: str = "", password: str = "", *more: str
    ) -> None:
        """`more` are further words of the command."""
        self.archive = archive
        who = f"{account}@" if account else ""
        self._command = [
            *TIRTA, "receive", "--json",
            "--broker", f"mqtt://{who}127.0.0.1:{port}", "--archive", str(archive),
            *more,
        ]  # fmt: skip
        self._environment = {**os.environ, "TIRTA_BROKER_PASSWORD": password}
        self._process: subprocess.Popen[str] | None = None
        self._out: IO[str]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it."""
        # A pipe would be full some time, and all stop.
        self._out = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - see end
        self._process = subprocess.Popen(
            self._command, stdout=self._out, stderr=subprocess.PIPE, text=True,
            env=self._environment,
        )  # fmt: skip

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def wait(self) -> tuple[int, str]:
        """Wait until it ends by itself: its exit code and messages."""
        assert self._process is not None
        _, err = self._process.communicate(timeout=240)
        code, self._process = self._process.returncode, None
        return code, err

    def end(self) -> tuple[list[dict[str, Any]], str]:
        """End it with Ctrl-C: the pages that it told of, and its messages."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        _, err = self._process.communicate(timeout=240)
        assert self._process.returncode == 0, err
        self._process = None
        with self._out as out:
            out.seek(0)
            return [json.loads(line) for line in out], err


class Client:
    """A client of a broker; `came` has (topic, payload) of what it subscribed to."""

    def __init__(self, port: int, account: str = "", password: str = "") -> None:
        self.came: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.codes: list[int] = []
        self._sent = 0
        self._taken: list[object] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._topics: list[str] = []
        self._client.on_connect = self._connected
        self._client.on_publish = lambda *args: self._taken.append(args[2])
        self._client.on_message = lambda _c, _d, m: self.came.put((m.topic, bytes(m.payload)))
        if account:
            self._client.username_pw_set(account, password)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        wait_for(lambda: self.codes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, *args: Any) -> None:
        for topic in self._topics:  # the broker remembers none of a client that was away
            self._client.subscribe(topic, 1)
        self.codes.append(args[3].value)

    def subscribe(self, topic: str) -> None:
        """Ask for messages, also after a broker came back; returns when the broker answered."""
        self._topics.append(topic)
        answers: list[object] = []
        self._client.on_subscribe = lambda *args: answers.append(args)
        self._client.subscribe(topic, 1)
        wait_for(lambda: answers)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send a message; returns when the broker has it, or dropped it."""
        sent = self._client.publish(topic, payload, 1, retain)
        wait_for(sent.is_published, every_s=0.002)

    def hear(self, topic: str, heard: Callable[[bytes], None]) -> None:
        """Tell `heard` the payloads of a topic as they come."""
        self._client.on_message = lambda _c, _d, message: heard(bytes(message.payload))
        self.subscribe(topic)

    def send(self, topic: str, payload: bytes) -> None:
        """Send a message without waiting; the client keeps it until a broker has it."""
        self._sent += 1
        self._client.publish(topic, payload, 1)

    @property
    def waiting(self) -> int:
        """How many of the messages of `send` no broker has yet."""
        return self._sent - len(self._taken)

    def drain(self) -> list[tuple[str, bytes]]:
        """Take what came."""
        found = []
        while not self.came.empty():
            found.append(self.came.get())
        return found


def exchange(node: SendingNode, client: Client, most: int = 1000) -> int:
    """Send a hello and what ledgers lack, and hear what came; how many pieces there were."""
    for _, message in client.drain():
        node.hear(message)
    lacking = node.lacking()[:most]
    for topic, payload in [node.hello(), *lacking]:
        client.publish(topic, payload)
    return len(lacking)
