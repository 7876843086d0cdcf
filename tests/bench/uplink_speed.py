# SPDX-License-Identifier: MIT
"""How fast an uplink brings a week that an archive lacks, and what it costs the samples.

*Backfill* is what the real centre has on its disk, in bytes of pages, over the time from the first
page to the last; the fraction is of 115,200 bit/s, which a relay between node and broker carries in
each direction. *Lateness* is the worst of a node whose uplink sends that week through the same
relay and loses its way in mid-packet, beside a node without an uplink that runs at the same time
on the same computer with the same log.
"""

import contextlib
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brokers
import pytest
import uplinks
from figures import Figures, Say
from locked import FLEET, credential, guarded
from logged import LOGGED, logged_node
from nodes import FAST_BAUD
from receivers import Client
from under_micropython import BenchError

from tirta import config, virtual
from tirta.image import regions
from tirta.keys.credential import node_key
from tirta.node import Node
from tirta.receive import keys
from tirta.receive.centre import Broker, Centre
from tirta.virtual.demo_config import DEMO_CONFIG
from tirta.virtual.pace import Pace
from tirta_format import access

BAUD = 115_200
NAME = "uplink"
NODE_ID = 0x02FB6BE3EE96
MINUTES = 7 * 1440
_PATIENCE_S = 300
_QUIET_S = 8
_REST_S = 3
_LEAST = 40_000  # bytes that a week has at least, by its records of eight channels
_AROUND = 16  # of a piece: its head, place and tag
_AWAY_S = 20


class Way:
    """A relay to a broker that carries so many bits a second in each direction."""

    def __init__(self, to: int, baud: int) -> None:
        self._to, self._baud = to, baud
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no connection any more."""
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                one, _ = self._server.accept()
                other = socket.create_connection(("127.0.0.1", self._to))
                for ends in ((one, other), (other, one)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        pace = Pace(self._baud)
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                pace.begin(time.monotonic())
                while data:
                    now = time.monotonic()
                    count = pace.due(now, len(data))
                    if count:
                        target.sendall(data[:count])
                        pace.carried(count)
                        data = data[count:]
                    else:
                        time.sleep(pace.wait_s(now, len(data)))
                source.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    if not source.recv(1, socket.MSG_PEEK):
                        break
                    source.setblocking(True)
                    continue
                source.setblocking(True)
                pace.end()
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class _Marks:
    """When which pieces of pages came to the broker."""

    def __init__(self) -> None:
        self.came: list[tuple[float, int]] = []

    def __call__(self, payload: bytes) -> None:
        self.came.append((time.monotonic(), len(payload) - _AROUND))

    @property
    def size(self) -> int:
        return sum(size for _, size in self.came)

    @property
    def rate(self) -> float:
        """Bytes of pages a second, from the first piece to the last of what came without a rest:
        what lies newest comes at once, and the rest when the archive has said that it lacks it.
        """
        (first, at_first), (last, _) = self._whole[0], self._whole[-1]
        return (sum(size for _, size in self._whole) - at_first) / (last - first)

    @property
    def _whole(self) -> list[tuple[float, int]]:
        runs: list[list[tuple[float, int]]] = []
        before = 0.0
        for at, size in self.came:
            if at - before > _REST_S:
                runs.append([])
            runs[-1].append((at, size))
            before = at
        return max(runs, key=lambda run: sum(size for _, size in run))


@contextlib.contextmanager
def _receiving(port: int, archive: Path) -> Iterator[_Marks]:
    """A centre at the broker, and a client that counts what it gets."""
    marks = _Marks()
    archive.mkdir()
    centre = Centre(Broker("127.0.0.1", port), archive, keys.of_fleets({"bench": FLEET}))
    stop = threading.Event()
    thread = threading.Thread(target=centre.run, args=(stop,), daemon=True)
    thread.start()
    with Client(port) as client:
        client.hear("tirta/+/p", marks)
        try:
            yield marks
        finally:
            stop.set()
            thread.join()


def _with_uplink(folder: Path, port: int) -> Path:
    path = folder / "uplink.toml"
    path.write_text(
        DEMO_CONFIG.read_text(encoding="utf-8")
        + f'\n[uplink]\nbroker = "127.0.0.1"\nport = {port}\nssid = "valves"\n'
        f'wifi_password = "{uplinks.SECRET}"\npush_s = 60\n'
    )
    return path


def _status(port: str) -> dict[str, Any]:
    with Node(port, FAST_BAUD) as node:
        made = credential(node.hello.node, access.ADMINISTRATOR)
        return guarded(node, made).status()


@contextlib.contextmanager
def _week_of_silence(folder: Path, minutes: int, port: int) -> Iterator[str]:
    """The port of a node with so many minutes in its log, which has just got an uplink; it has no
    access point yet.
    """
    with logged_node(folder, minutes, fleet=FLEET, network=True, baud=FAST_BAUD) as logged:
        with Node(logged.port, FAST_BAUD) as node:
            guarded(node, credential(node.hello.node, access.ADMINISTRATOR)).commit()
        virtual.cut(LOGGED)
        flash = bytearray(Path(logged.flash).read_bytes())
    path = _with_uplink(folder, port)
    text, board = config.load(path)
    name = f"{NODE_ID:012x}"
    fields = regions.fields_of(text, node_key(FLEET, name), secrets=config.secrets(path))
    region = regions.state_region(board, fields)
    flash[region.offset : region.end] = region.content
    made = virtual.up(
        NAME, flash_image=bytes(flash), fleet=FLEET, chip_id=name, network=True, baud=FAST_BAUD
    )
    try:
        _network("access-point")
        yield made.port
    finally:
        virtual.down(NAME)


def _network(*without: str, after_bytes: int = 0) -> None:
    asked = {"do": "network", "without": list(without), "after_bytes": after_bytes}
    virtual.control(NAME, asked)


def _until_quiet(marks: _Marks, most_s: float = _PATIENCE_S) -> None:
    """Wait until something came, and nothing more for some seconds."""
    until = time.monotonic() + most_s
    while marks.size < _LEAST or time.monotonic() - marks.came[-1][0] < _QUIET_S:
        if time.monotonic() > until:
            raise BenchError(f"{marks.size} bytes came over an uplink, and no end is near")
        time.sleep(0.1)


def measure(say: Say, minutes: int = MINUTES) -> Figures:
    """`uplink.backfill_fraction`, `uplink.backfill_bytes_per_s`, `uplink.lateness_ms`."""
    figures: Figures = {}
    for baud in (0, BAUD):
        with (
            tempfile.TemporaryDirectory() as named,
            pytest.MonkeyPatch.context() as patch,
            contextlib.ExitStack() as stack,
        ):
            folder = Path(named)
            patch.setenv("TIRTA_VIRTUAL_DIR", str(folder / "virtual"))
            broker = stack.enter_context(brokers.broker(folder))
            way = Way(broker, baud) if baud else None
            marks = stack.enter_context(_receiving(broker, folder / "archive"))
            there = way.port if way else broker
            port = stack.enter_context(_week_of_silence(folder, minutes, there))
            plain = virtual.up(
                "plain", app=True, config=config.load(DEMO_CONFIG)[0], fleet=FLEET, baud=FAST_BAUD
            )
            stack.callback(virtual.down, "plain")
            _network()
            _until_quiet(marks)
            told = f"{marks.size:,} bytes of pages, {marks.rate:,.0f} a second"
            if not baud:
                figures["uplink.backfill_bytes_per_s"] = marks.rate
                say(f"{told}, to a broker on this computer")
                continue
            figures["uplink.backfill_fraction"] = marks.rate / (baud / 10)
            say(f"{told}, over {baud:,} bit/s")
            _network(after_bytes=40)
            time.sleep(_AWAY_S)
            _network("names", "address")
            time.sleep(_AWAY_S)
            found = _status(port), _status(plain.port)
            late, without = (int(one["worst_late_ms"]) for one in found)
            figures["uplink.lateness_ms"] = late
            figures["uplink.lateness_without_ms"] = without
            say(
                f"worst lateness {late} ms with an uplink that sends and fails, {without} ms beside"
                f" it without one; {found[0]['overruns']} and {found[1]['overruns']} overruns"
            )
    return figures
