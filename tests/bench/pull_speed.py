# SPDX-License-Identifier: MIT
"""How fast a log comes over a line, beside zmodem and mpremote on the same cable in the same run.

*Goodput* is the log pages that lie in the archive afterwards, in bytes as on flash without the 0xFF
at their ends (which do not travel), over the time from the first data frame to the last; a
*fraction* is goodput over baud / 10 bytes a second, what the cable carries. The node logs ten
records a second meanwhile. Whatever a pull does besides (commit, index, decoding) is in the second
figure, the whole pull.

zmodem (lrzsz) and `mpremote fs cp` bring the same pages as one file, timed on the cable behind its
first 2,000 bytes, so that their start costs them nothing. In these ratios all three are counted
alike: in bytes of pages as they lie, which for us alone have 0xFF that need not travel (some 3 %).
A pull that may raise the rate of the line is timed whole, greetings and both changes of the rate
included, on a cable that was opened at 115,200 baud.
Records a second: what a record of the river series takes in pages (tests/bench/density.py), against
the same records as CSV by mpremote, and as CSV through gzip -9 by zmodem.
"""

import contextlib
import gzip
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import density
import pull_peers
from figures import Figures, Say
from logged import LOGGED, logged_node
from relay import Faults, Relay
from series import Series

from tirta import config, virtual
from tirta.archive.evidence import Archive
from tirta.keys.credential import Credential, node_key
from tirta.link.login import Guard
from tirta.link.serial_line import NO_UART
from tirta.log.decode import Log, decode_epoch
from tirta.node import Node
from tirta.pull.pull import pull
from tirta.virtual.demo_config import DEMO_CONFIG
from tirta_format import access

SLOW, FAST = 115_200, 921_600
BYTE_ERRORS = 1e-5
ERASE_MS = 400  # the longest that data sheets name; the chip neither hears nor speaks meanwhile
MOST_EXCLUDED = 3  # pulls into which an erase fell: they are made again
FLEET = bytes(32)  # the key of those that are locked
MINUTES = 60_000
FEW = 100_000  # bytes for those that take long
_PACE = {"interval_ms": 100, "commit_ms": 10_000}


def _config() -> bytes:
    """The demo's channels, but for the probe that takes a second, ten records a second."""
    found = json.loads(config.load(DEMO_CONFIG)[0]) | _PACE
    found["channels"] = [c for c in found["channels"] if c["sensor"] != "ds18b20"]
    return json.dumps(found, sort_keys=True, separators=(",", ":")).encode()


@dataclass
class Pulled:
    """What one pull brought."""

    stream_rate: float  # bytes of log a second, from the first to the last
    page_rate: float  # the same with the 0xFF at the ends of pages
    whole_rate: float
    size: int
    records: int
    erases: int
    overruns: int
    log: Log
    pages: bytes


def _pull(port: str, baud: int, faults: Faults, *, free: bool = False, state: str = "") -> Pulled:
    """One whole pull over a cable at `baud`, which stays as it is; with the node's `state` file the
    cable follows its ends to another rate.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        Relay(port, baud, faults, state=state) as relay,
        Node(relay.port, NO_UART if free else baud, steady=not state) as node,
    ):
        marks: list[tuple[float, int]] = []
        node.link.guard = _guard(node)
        before = node.status()
        erases = _erases()
        began = time.monotonic()
        pull(node, Path(folder), progress=lambda done, _: marks.append((time.monotonic(), done)))
        seconds = time.monotonic() - began
        erases = _erases() - erases
        after = node.status()
        (epoch,) = Archive(Path(folder)).epochs()
        stored = [page.read() for page in epoch.pages().values()]
        size = sum(len(data.rstrip(b"\xff")) for data in stored)
        used = size / sum(map(len, stored))
        log = decode_epoch(epoch)
        assert not [v for v in log.verdicts if v.problems], "a page came damaged"
        (first, at_first), (last, at_last) = marks[0], marks[-1]
        page_rate = (at_last - at_first) / (last - first)
        return Pulled(
            used * page_rate,
            page_rate,
            size / seconds,
            size,
            sum(len(batch.number) for batch in log.records),
            erases,
            int(after["overruns"]) - int(before["overruns"]),
            log,
            b"".join(stored),
        )


def _guard(node: Node) -> Guard | None:
    """What opens the node, where it is locked."""
    if node.hello.mode == "open":
        return None
    claims = access.claims(access.TECHNICIAN, 7, 1, access.NEVER)
    key = access.credential_key(node_key(FLEET, node.hello.node), claims)
    made = Credential(node.hello.node, claims, key)
    return Guard(node.link, node.hello.node, lambda _node, _role: [made])


def _lock(port: str, baud: int) -> None:
    with Node(port, baud) as node:
        node.lock(node_key(FLEET, node.hello.node))


def _erases() -> int:
    return int(virtual.control(LOGGED, {"do": "status"})["erases"])


@contextlib.contextmanager
def _node(**options: Any) -> Iterator[str]:
    """The port of a node."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TIRTA_VIRTUAL_DIR"] = folder
        try:
            yield virtual.up(LOGGED, **options).port
        finally:
            virtual.down(LOGGED)


def _logged_flash(minutes: int) -> bytes:
    """The flash of a node that has logged the demo's water each minute for so long, and logs ten
    records a second from now on.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        logged_node(Path(folder), minutes, baud=FAST) as node,
    ):
        with Node(node.port, FAST) as asked:
            asked.apply_config(_config(), accept_missing=True)
            asked.commit()
        virtual.cut(LOGGED)
        return Path(node.flash).read_bytes()


def measure(say: Say, river: Series | None, minutes: int = MINUTES) -> Figures:
    """The keys `pull.*`; those of records with the series `river`."""
    figures: Figures = {}
    flash = _logged_flash(minutes)
    slow: Pulled | None = None
    for name, baud, free, faults in (
        ("fraction_115200", SLOW, False, Faults()),
        ("fraction_115200_locked", SLOW, False, Faults()),
        ("fraction_921600_fifo", FAST, False, Faults()),
        ("fraction_921600_locked", FAST, False, Faults()),
        ("fraction_921600", FAST, True, Faults()),
        ("fraction_ber_1e5", FAST, True, Faults(flips=BYTE_ERRORS)),
    ):
        excluded = 0
        while True:
            with _node(flash_image=flash, baud=baud, free_line=free, erase_ms=ERASE_MS) as port:
                if name.endswith("_locked"):
                    _lock(port, baud)
                got = _pull(port, baud, faults, free=free)
            if not got.erases or excluded == MOST_EXCLUDED:
                break
            excluded += 1
        slow = slow or got
        figures[f"pull.{name}"] = got.stream_rate / (baud / 10)
        figures[f"pull.{name}_whole"] = got.whole_rate / (baud / 10)
        say(
            f"{name}: {got.stream_rate:,.0f} bytes of log a second, {got.size:,} bytes,"
            f" {got.records:,} records, {got.overruns} overruns, {got.erases} erases;"
            f" {excluded} pulls with erases are left out"
        )
    assert slow is not None
    say(f"of a page as it lies {slow.stream_rate / slow.page_rate:.4f} travel")
    slow_rate, pages = slow.stream_rate, slow.pages[:FEW]
    mpremote = pull_peers.mpremote(pages, SLOW)
    figures["pull.vs_mpremote"] = slow.page_rate / mpremote
    say(f"mpremote fs cp is {figures['pull.vs_mpremote']:.2f} times slower")
    with _node(flash_image=flash, baud=SLOW) as port:
        raised = _pull(
            port,
            SLOW,
            Faults(),
            state=str(Path(os.environ["TIRTA_VIRTUAL_DIR"]) / LOGGED / "state.bin"),
        )
    whole_pages_rate = raised.whole_rate * len(raised.pages) / raised.size
    figures["pull.raised_vs_mpremote"] = whole_pages_rate / mpremote
    say(f"a whole pull that raises the rate is {whole_pages_rate / mpremote:.1f} times mpremote")
    zmodem = shutil.which("sz") and shutil.which("rz")
    if not zmodem:
        say("zmodem is not measured: lrzsz is not installed (apt install lrzsz)")
    else:
        figures["pull.vs_zmodem"] = slow.page_rate / pull_peers.zmodem(pages, SLOW)
    if river is None:
        return figures
    text = pull_peers.as_csv(river)
    records_rate = slow_rate * 8 / (density.bits_per_value(river) * river.channels)
    sample = text[: text.rfind(b"\n", 0, FEW) + 1]
    rate = pull_peers.mpremote(sample, SLOW) / len(sample) * sample.count(b"\n")
    figures["pull.records_vs_mpremote_csv"] = records_rate / rate
    if zmodem:
        packed = gzip.compress(text, 9)
        rate = pull_peers.zmodem(packed, SLOW) / len(packed) * text.count(b"\n")
        figures["pull.records_vs_zmodem_gzip_csv"] = records_rate / rate
    return figures
