# SPDX-License-Identifier: MIT
"""MicroPython for tests: on 64 bits the unix port, on 32 bits the webassembly port under node.

A *program* is a list of folders for `sys.path` and code. The 32-bit one comes from npm at test
time into `build/npm`; without node, npm or the network its tests are skipped.
"""

import contextlib
import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import patience
import pytest
from support import CHECKOUT, micropython

FIRMWARE = CHECKOUT / "firmware"
BOTH = CHECKOUT / "tests/both"
DEVICES = CHECKOUT / "boards/virtual/devices"  # models of devices on buses
ON_NODE = CHECKOUT / "tests/micropython"
_NPM_PACKAGE = "@micropython/micropython-webassembly-pyscript"
_NPM_VERSION = "1.29.0-6"


def unix_command(code: str, folders: list[Path], heap: str = "8m") -> list[str]:
    """The command that runs `code` under unix MicroPython."""
    path = [*map(str, folders)]
    start = f"import sys\nsys.path[:] = {path!r} + ['.frozen']\n{code}"
    return [micropython(), "-X", f"heapsize={heap}", "-c", start]


def wasm_command(code: str, folders: list[Path]) -> list[str]:
    """The same for 32-bit MicroPython; skips the test where it cannot be had."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node: 32-bit MicroPython cannot run")
    runner = CHECKOUT / "tests/support/wasm.mjs"
    return [node, str(runner), str(_wasm_port()), code, *map(str, folders)]


def _wasm_port() -> Path:
    home = CHECKOUT / "build/npm"
    package = home / "node_modules" / _NPM_PACKAGE
    port = package / "micropython.mjs"
    found = package / "package.json"
    if port.exists() and json.loads(found.read_text())["version"] == _NPM_VERSION:
        return port
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm: 32-bit MicroPython cannot be installed")
    home.mkdir(parents=True, exist_ok=True)
    command = [npm, "install", "--prefix", str(home), "--no-audit", "--no-fund"]
    command += ["--fetch-retries=0", "--fetch-timeout=60000"]  # without a network: skipped soon
    done = patience.run([*command, f"{_NPM_PACKAGE}@{_NPM_VERSION}"])
    if done.returncode or not port.exists():
        pytest.skip(f"npm did not install {_NPM_PACKAGE}: {done.stderr.strip()[-200:]}")
    return port


COMMANDS = {"unix-64": unix_command, "wasm-32": wasm_command}


def run(command: list[str], patience_s: float = 3600) -> str:
    """What the program printed; its failure is the test's."""
    done = patience.run(command, patience_s=patience_s)
    assert done.returncode == 0, f"ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return str(done.stdout)


class Peer:
    """A MicroPython that answers one line after the other, for as long as the tests last."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._rest = b""

    def ask(self, line: str) -> str:
        """The answer; fails when none comes: whatever the input, the work is bounded."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        out = self._process.stdout.fileno()
        patient = patience.Patience()
        while b"\n" not in self._rest:
            while not select.select([out], [], [], 1)[0]:
                assert not patient.over(), f"no answer: {line}"
            more = os.read(out, 1 << 16)
            assert more, f"MicroPython ended at: {line}"
            self._rest += more
        answer, _, self._rest = self._rest.partition(b"\n")
        return answer.decode()

    def close(self) -> None:
        self._process.communicate()


@contextlib.contextmanager
def peer(command: list[str]) -> Iterator[Peer]:
    """A Peer that is gone afterwards."""
    running = Peer(command)
    try:
        yield running
    finally:
        running.close()


def as_json(value: Any) -> Any:
    """Bytes as the peers write them; tuples as lists."""
    if isinstance(value, (bytes, bytearray)):
        return {"hex": value.hex()}
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    return value
