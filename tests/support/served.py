# SPDX-License-Identifier: MIT
"""`tirta serve` in a process of its own, and who asks it over HTTP."""

import http.client
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

from commands import TIRTA


class Served:
    """`tirta serve` in a process of its own."""

    def __init__(self, source: Path, *more: str) -> None:
        self._process = subprocess.Popen(
            [*TIRTA, "serve", str(source), "--port", "0", *more],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, Any]:
        line = http.client.HTTPConnection(self.url.split("/")[2], timeout=60)
        line.request(method, path, headers=headers)
        answer = line.getresponse()
        return answer.status, answer.read(), answer.headers

    def json(self, path: str, **headers: str) -> Any:
        status, body, _ = self.get(path, **headers)
        assert status == 200, body
        return json.loads(body)

    def end(self) -> None:
        self._process.send_signal(signal.SIGINT)
        assert self._process.wait(60) in (0, 1, -signal.SIGINT)
        assert self._process.stdout is not None
        self._process.stdout.close()
