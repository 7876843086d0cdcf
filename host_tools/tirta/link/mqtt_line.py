# SPDX-License-Identifier: MIT
"""The way to a node over a broker of MQTT: the bytes of the line in messages (FORMAT.md section
14.4), each once and in its order, or not at all, whatever the carrier does.

    Node("mqtt://office@broker.example/02fb6be3ee96")
"""

import contextlib
import os
import queue
import re
import secrets
import struct
import time
from typing import Any
from urllib.parse import unquote, urlsplit

from tirta.errors import TirtaError
from tirta.link.aes import aes
from tirta.link.closing import Closing
from tirta.link.serial_line import NO_UART
from tirta_format import uplink, uplink_seal, varint

SCHEME = "mqtt://"
PASSWORD = "TIRTA_BROKER_PASSWORD"  # noqa: S105 - the name of a variable, so that no list shows it
_PORT = 1883
_NODE = re.compile(r"/([0-9a-f]{12})/?")
_CONNECT_S = 15.0
_GOODBYE_S = 5.0
_BYTES_PER_S = 20_000.0  # what waits are reckoned with
_ROUND_S = 2.0  # there and back, and a node that is about to sample


class MqttLine(Closing):
    """Stands where a serial line stands. Raises TirtaError where no broker answers."""

    baud = NO_UART
    greet_s = 45.0  # longer than a node listens to a laptop that went without a goodbye
    patience_s = 60.0  # longer than a node takes that lost its broker
    start_s = 240.0  # a start, a network, a broker
    byte_rate = _BYTES_PER_S

    def __init__(self, port: str) -> None:
        try:  # an extra, and slow to load
            import paho.mqtt.client as mqtt  # noqa: PLC0415
            from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415
        except ImportError as error:
            raise TirtaError(
                "What talks to a broker is not installed.",
                "Install it: pip install 'tirta[receive]'.",
            ) from error

        self.port = port
        self.node, host, number, account, password = _parts(port)
        self.reaches = self.node  # nobody else
        self.bytes_in = self.bytes_out = 0
        self.secret = b""  # the session's key for secrets; without one messages are open
        self._talk = b""
        self._sent = self._seen = 0  # counters of the last question and answer
        self._came: queue.Queue[bytes] = queue.Queue(256)
        self._problem = ""
        self._keys: dict[bytes, Any] = {}  # by the secrets of this talk's sessions, the newest last
        self._begin()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        if account:
            self._client.username_pw_set(account, password)
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._heard
        self._is_up = False
        try:
            self._client.connect(host, number)
        except OSError as error:
            raise TirtaError(
                f"No broker answers at {SCHEME}{host}:{number}: {error.strerror or error}.",
                "Check the address and the network.",
            ) from error
        self._client.loop_start()
        until = time.monotonic() + _CONNECT_S
        while not self._is_up:
            if self._problem or time.monotonic() > until:
                self.close()
                raise TirtaError(
                    f"The broker at {SCHEME}{host}:{number} refuses: {self._problem or 'silence'}.",
                    f"Check the account, and its password in {PASSWORD}; it needs write tirta/+/q"
                    " and read tirta/+/a.",
                )
            time.sleep(0.01)

    def _begin(self) -> None:
        """Draw another talk: whatever was under way answers nobody."""
        self._talk = secrets.token_bytes(uplink.TALK_SIZE)
        self._sent = self._seen = 0
        self.secret = b""
        self._keys.clear()

    def _connected(self, client: Any, _data: Any, _flags: Any, code: Any, _p: Any) -> None:
        if code.is_failure:
            self._problem = str(code)
        else:
            client.subscribe(f"tirta/{self.node}/a")

    def _subscribed(self, _client: Any, _data: Any, _mid: int, codes: Any, _p: Any) -> None:
        self._problem = next((str(code) for code in codes if code.is_failure), "")
        self._is_up = True

    def _heard(self, _client: Any, _data: Any, message: Any) -> None:
        with contextlib.suppress(queue.Full):  # a flood: what is lost is asked for again
            self._came.put_nowait(bytes(message.payload))

    def write(self, data: bytes) -> Any:
        """Send bytes, sealed as soon as there is a session; of paho, what tells when they went."""
        self._sent += 1
        kind = uplink.SEALED if self.secret else uplink.OPEN
        message = bytes(uplink_seal.head(bytes((kind,)) + self._talk, self._sent))
        if self.secret:
            keys = self._keys_of(self.secret)[0]
            body = data.ljust(uplink_seal.LEAST, b"\0")
            buf = bytearray(message + body + bytes(uplink_seal.ROOM))
            at = len(message)
            end = uplink_seal.close(aes, keys, uplink.QUESTION, self._sent, buf, at, at + len(body))
            message = bytes(buf[:end])
        else:
            message += data
        self.bytes_out += len(message)
        # Without an acknowledgement: what gets lost is asked for again, and behind one the
        # broker's next packet would wait for TCP, 40 ms.
        return self._client.publish(f"tirta/{self.node}/q", message)

    def _keys_of(self, secret: bytes) -> Any:
        if secret not in self._keys:
            self._keys[secret] = uplink.talk_keys(secret, self.node)
        return self._keys[secret]

    def read(self, timeout_s: float) -> bytes:
        """Read what has come, or comes first within `timeout_s`; may be empty."""
        until = time.monotonic() + timeout_s
        while True:
            try:
                payload = self._came.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return b""
            data = self._opened(payload)
            if data:
                self.bytes_in += len(payload)
                return data

    def _opened(self, payload: bytes) -> bytes:
        """The bytes of an answer to this talk, nothing of any other."""
        n = 1 + uplink.TALK_SIZE
        if payload[1:n] != self._talk or payload[0] not in {uplink.OPEN, uplink.SEALED}:
            return b""
        try:
            counter, at = varint.get(payload, n, len(payload))
        except (ValueError, struct.error):
            return b""
        if counter <= self._seen:
            return b""
        if payload[0] == uplink.OPEN:
            if self.secret:
                return b""
            self._seen = counter
            return payload[at:]
        for _, keys in reversed(self._keys.values()):
            body = uplink.open_(aes, keys, uplink.ANSWER, counter, payload[at:])
            if body is not None:
                self._seen = counter
                return bytes(body)
        return b""

    def drain(self) -> None:
        """Forget what has come so far, and the session: the node starts anew."""
        while not self._came.empty():
            with contextlib.suppress(queue.Empty):
                self._came.get_nowait()
        self._begin()

    def seconds(self, count: int) -> float:
        """Return how long `count` bytes take, there and back included."""
        return _ROUND_S + count / _BYTES_PER_S

    def set_baud(self, baud: int) -> None:
        """Do nothing: there is no rate."""

    def reopen(self) -> None:
        """Do nothing: the connection comes back by itself."""

    def close(self) -> None:
        """Say goodbye to a node that knows us: another may talk. Then let go of the broker."""
        if self.secret and self._client.is_connected():
            with contextlib.suppress(ValueError, RuntimeError):
                self.write(b"").wait_for_publish(_GOODBYE_S)
        self._client.disconnect()
        self._client.loop_stop()


def _parts(url: str) -> tuple[str, str, int, str, str]:
    """(node, host, port, account, password) of mqtt://[ACCOUNT@]HOST[:PORT]/NODE."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORT
    except ValueError:
        parts, port = urlsplit(""), 0
    node = _NODE.fullmatch(parts.path)
    if parts.scheme != "mqtt" or not parts.hostname or not node:
        raise TirtaError(
            f"{url!r} names no node at a broker.",
            "Write mqtt://HOST/NODE or mqtt://ACCOUNT@HOST:PORT/NODE; NODE has 12 hex digits.",
        )
    password = unquote(parts.password or "") or os.environ.get(PASSWORD, "")
    return node[1], parts.hostname, port, unquote(parts.username or ""), password
