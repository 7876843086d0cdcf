# SPDX-License-Identifier: MIT
"""`make bench-fleet`: node identities that send through a real broker to `tirta receive`, in two
parts, with the broker killed in the middle: what came, what was lost or doubled, what it took.

FLEET_S and RATE say how long and how many identities a second (600 and 143: half a million nodes
that send once an hour). Each identity says hello and sends an hour of two channels of its log, a
record a chunk, then what ledgers lack. The sender runs on the same computer, and takes its share.
"""

import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import brokers
from figures import OUT, Figures, keep
from patience import wait_for
from peer import FakeLog
from receivers import Client, Receiver
from sending_node import EPOCH, FLEET, SendingNode

from tirta.archive.evidence import Archive
from tirta.keys import office, vault

PARTS = 2
RECORDS = 60
_SETTLE_S = 1200
_FIRST = 0x02FB00000000


class Watch(threading.Thread):
    """Looks how much memory processes have; `most_mb` of any of them."""

    def __init__(self, receivers: list[Receiver]) -> None:
        super().__init__(daemon=True)
        self._receivers = receivers
        self.most_mb = 0.0
        self.ends = threading.Event()

    def run(self) -> None:
        """Look once a second."""
        while not self.ends.wait(1.0):
            for receiver in self._receivers:
                self.most_mb = max(self.most_mb, resident_mb(receiver.pid))


def resident_mb(pid: int) -> float:
    """The most memory that a process had."""
    try:
        told = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    line = next((one for one in told.splitlines() if one.startswith("VmHWM")), "VmHWM: 0 kB")
    return int(line.split()[1]) / 1024


class Load:
    """The nodes, and what the centre told them."""

    def __init__(self, port: int, count: int) -> None:
        log = FakeLog()
        log.add(RECORDS)
        pages = {sequence: bytes(page) for sequence, page in log.pages.items()}
        self._pages, self._log = pages, log
        self.wanted = {sequence: data[: log.end] for sequence, data in pages.items()}
        self.names = [f"{_FIRST + i:012x}" for i in range(count)]
        self.nodes: dict[str, SendingNode] = {}  # that have sent, and lack something
        self.sent = 0
        self.client = Client(port)
        self.client.subscribe("tirta/+/l")

    def begin(self, name: str) -> None:
        """Say hello, and send what there is without waiting for a ledger."""
        log = self._log
        node = SendingNode(self._pages, log.end, log.number, node=name)
        self.nodes[name] = node
        self._publish(node.hello())
        for sequence in node.pages:
            self._publish(node.piece(sequence, 0, node.size(sequence)))

    def outlive(self, broker: brokers.Mosquitto) -> None:
        """Have the broker killed and started again, with nothing of what it had."""
        before = len(self.client.codes)
        broker.kill()
        broker.start()
        wait_for(lambda: len(self.client.codes) > before)
        self.client.subscribe("tirta/+/l")

    def hear(self) -> None:
        """Take ledgers; a node whose pages are all in one is done."""
        for topic, message in self.client.drain():
            node = self.nodes.get(topic.split("/")[1])
            if node is not None and node.hear(message) and not node.lacking():
                del self.nodes[topic.split("/")[1]]

    def again(self, most: int) -> None:
        """Send again what was not told of."""
        for node in list(self.nodes.values())[:most]:
            for message in [node.hello(), *(node.lacking() or ())]:
                self._publish(message)

    def _publish(self, message: tuple[str, bytes]) -> None:
        self.client.send(*message)
        self.sent += 1


def measure(seconds: int, rate: int) -> Figures:
    """Run the load; a figure is of this run alone."""
    if brokers.MOSQUITTO is None:
        sys.exit("Mosquitto is not installed: apt-get install mosquitto")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _keys(root)
        broker = brokers.Mosquitto(root, brokers.free_port())
        broker.start()
        archive = root / "city"
        receivers = [
            Receiver(broker.port, archive, "", "", "--part", f"{i + 1}/{PARTS}")
            for i in range(PARTS)
        ]
        for receiver in receivers:
            receiver.start()
        time.sleep(5)  # they subscribe
        watch = Watch(receivers)
        watch.start()
        load = Load(broker.port, seconds * rate)
        began = time.monotonic()
        killed = False
        for at, name in enumerate(load.names):
            if (ahead := at / rate - (time.monotonic() - began)) > 0:
                load.hear()
                time.sleep(ahead)
            if not killed and at >= len(load.names) // 2:
                load.outlive(broker)
                killed = True
            load.begin(name)
        sending_s = time.monotonic() - began
        load.hear()
        behind = len(load.nodes)
        while load.nodes and time.monotonic() - began < sending_s + _SETTLE_S:
            time.sleep(2)
            load.hear()
            if not load.client.waiting:
                load.again(500)
        whole_s = time.monotonic() - began
        watch.ends.set()
        told: Counter[tuple[str, int, int]] = Counter()
        for receiver in receivers:
            told.update((p["node"], p["page"], p["size"]) for p in receiver.end()[0])
        broker.kill()
        lost, doubled = judge(load, archive)
    doubled += sum(count - 1 for count in told.values())
    print(
        f"{len(load.names):,} identities, {load.sent:,} messages sent in {sending_s:.0f} s;"
        f" {behind:,} nodes without a ledger then; all stored after {whole_s:.0f} s"
    )
    return {
        "fleet.messages_per_s": load.sent / whole_s, "fleet.identities": len(load.names),
        "fleet.identities_per_s": len(load.names) / whole_s, "fleet.lost": lost,
        "fleet.doubled": doubled, "fleet.rss_mb": watch.most_mb,
    }  # fmt: skip


def judge(load: Load, archive: Path) -> tuple[int, int]:
    """Pages that are not in the archive as they were sent, and files that nobody sent."""
    lost = doubled = 0
    for name in load.names:
        pages = Archive(archive).epoch(name, EPOCH).pages()
        lost += sum(
            sequence not in pages or pages[sequence].read() != data
            for sequence, data in load.wanted.items()
        )
        doubled += len(pages.keys() - load.wanted.keys())
    doubled += sum(1 for _ in archive.glob("*/*/aside/*"))
    return lost, doubled


def _keys(root: Path) -> None:
    """A fleet key of its own, away from those of whoever measures."""
    os.environ["TIRTA_KEYS"] = str(root / "keys")
    os.environ["TIRTA_PASSPHRASE"] = "of this measurement"
    office.init("waterworks")
    kept = vault.load()
    kept.fleets["waterworks"] = FLEET
    vault.save(kept)


def main() -> None:
    """Measure, show, keep."""
    found: dict[str, Any] = measure(
        int(os.environ.get("FLEET_S", "600")), int(os.environ.get("RATE", "143"))
    )
    for key, value in found.items():
        print(f"  {key:24} {value:,.1f}")
    known = json.loads(OUT.read_bytes()) if OUT.exists() else {}
    keep({**known, **found})
    if found["fleet.lost"] or found["fleet.doubled"]:
        sys.exit("pages were lost or doubled")


if __name__ == "__main__":
    main()
