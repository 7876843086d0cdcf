# SPDX-License-Identifier: MIT
"""How long two processes take for one national minute: the 4.1 million values that 514,000 nodes
with eight channels give in a minute, from pages of a log to commits of a lake, on the disk.

The pages are those that the node's own log made of the river's series. They come in two ways: whole
pages, as a backfill brings them, one each of some 700 nodes; and hour by hour, as some 11,000 nodes
push in that minute, each with one chunk more of a page that the lake has in part: of that page all
is unpacked again, since a chunk goes on from the one before. Each node has a config of its own,
which is checked once: for whole pages within what is measured, for chunks before.
"""

import multiprocessing as mp
import os
import resource
import struct
import tempfile
import time
import zlib
from binascii import crc32
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import product
import series
from figures import Figures, Say
from uplink_bytes import eight

from tirta.archive.evidence import Archive
from tirta.archive.pack import Pack
from tirta.log.decode import decode
from tirta.tables import lake, layout
from tirta.tables.stream import Stream
from tirta_format import config as format_config
from tirta_format import meta, page_chunks
from tirta_format import page as format_page

VALUES = 514_000 * 8
PROCESSES = 2
_EPOCH = 77
_UNIX_MS = 1_764_500_000_000
_FIRST = 0x02FC00000000


@dataclass(frozen=True)
class _Page:
    """A whole page of the node's log with a time, and where its chunks of records end."""

    data: bytes
    ends: list[int]
    records: list[int]  # how many there are up to each end
    config: bytes

    def of_node(self, index: int) -> tuple[bytes, bytes]:
        """Return (the page, its config) as a node has them whose config no other has."""
        config = self.config.replace(b'"virtual"', b'"v%06x"' % index)
        return dated(self.data, config), config


def measure(river: series.Series, say: Say) -> Figures:
    """`fleet.national_minute_s` and `fleet.national_minute_hourly_s`."""
    page = _made(eight(river).first(1000))
    whole = -(-VALUES // (page.records[-1] * 8))
    half = len(page.ends) // 2
    chunk = page.records[half] - page.records[half - 1]
    hourly = -(-VALUES // (chunk * 8))
    found = {
        "fleet.national_minute_s": _timed(page, whole, 0, len(page.ends) - 1, say),
        "fleet.national_minute_hourly_s": _timed(page, hourly, half - 1, half, say),
    }
    say(f"load of the computer: {os.getloadavg()[0]:.1f}")
    return found


def _made(found: series.Series) -> _Page:
    (logged,) = product.log(found)
    config = product.config_text(found)
    data = dated(logged.pages[0][1], config)
    head = format_page.header(data)
    ends, records = [], []
    for kind, at, n in page_chunks.chunks(data, head.crc):
        if kind != format_page.META:
            ends.append(at + n + 4)
            log = decode([(head.seq, data[: ends[-1]])], configs=[config])
            records.append(log.verdicts[0].records)
    return _Page(data, ends, records, config)


def dated(data: bytes, config: bytes) -> bytes:
    """The same page of a node that knows the time and has another config, as long as its own: its
    header, the config that is logged there, and the CRCs that go on from both.
    """
    old = format_page.header(data)
    named = format_config.config_hash(config)
    head = format_page.Header(
        old.channels, old.seq, _EPOCH, old.number, old.slot, old.boot, named
    )  # fmt: skip
    head.date(_UNIX_MS, 3, 50)
    made = bytearray(data)
    made[: format_page.HEADER_SIZE] = format_page.MARK + head.pack()
    for kind, at, n in page_chunks.chunks(data, old.crc):
        if kind == format_page.META and data[at] == meta.CONFIG:
            _, uptime_ms, told = meta.parse(data[at : at + n])
            made[at : at + n] = meta.config(uptime_ms, named, config, told["offset"])
        struct.pack_into("<I", made, at + n, crc32(made[at - 2 : at + n], head.crc))
    return bytes(made)


def _timed(page: _Page, nodes: int, before: int, to: int, say: Say) -> float:
    """Seconds for so many nodes whose page grows from one end to another; 0 is from nothing."""
    with tempfile.TemporaryDirectory() as folder:
        root, where = Path(folder) / "nation", Path(folder) / "lake"
        Pack.make(root)
        had = page.records[before] if before else 0
        if before:
            _store(root, page, nodes, page.ends[before], told=True)
            _land(root, where)
        _store(root, page, nodes, page.ends[to], told=not before)
        spent, cpu_s = _land(root, where)
        rows = lake.table(where, layout.RECORDS).count()
        if rows != nodes * page.records[to] * 8:
            raise ValueError(f"{rows} rows of {nodes * page.records[to] * 8} are in the lake")
        values = nodes * (page.records[to] - had) * 8
    say(
        f"{values:,} values of {nodes:,} nodes, {page.records[to] - had} records each:"
        f" {spent:.1f} s, of which {PROCESSES} processes worked {cpu_s:.1f} s"
    )
    return spent * VALUES / values


def _store(root: Path, page: _Page, nodes: int, end: int, *, told: bool) -> None:
    """Put the pages into the evidence as they came, and the configs where they are `told`."""
    archive = Archive(root)
    with archive.together():
        for i in range(nodes):
            data, config = page.of_node(i)
            head = format_page.header(data)
            epoch = archive.epoch(f"{_FIRST + i:012x}", _EPOCH)
            if told:
                epoch.store_config(head.config_hash, config)
            epoch.store(head.seq, data[:end])


def _land(root: Path, where: Path) -> tuple[float, float]:
    """Seconds until all processes have committed what waits, and those that they worked, together;
    starting them does not count.
    """
    context = mp.get_context("spawn")
    worked = context.SimpleQueue()
    ready, done = context.Barrier(PROCESSES + 1), context.Barrier(PROCESSES + 1)
    made = [
        context.Process(target=work, args=(root, where, i, (ready, done), worked), daemon=True)
        for i in range(PROCESSES)
    ]
    for one in made:
        one.start()
    ready.wait()
    began = time.monotonic()
    done.wait()
    spent = time.monotonic() - began
    for one in made:
        one.join()
    return spent, sum(worked.get() for _ in made)


def work(
    root: Path, where: Path, index: int, turns: tuple[Barrier, Barrier], worked: SimpleQueue[float]
) -> None:
    """Be one of the processes."""
    stream = Stream(
        root, where, f"{index + 1}/{PROCESSES}",
        lambda node: zlib.crc32(node.encode()) % PROCESSES == index,
    )  # fmt: skip
    (data,) = Archive(root).pack.rows("SELECT data FROM pages LIMIT 1")[0]  # type: ignore[union-attr]
    decode([(1, bytes(data))], configs=[], many=True)  # numba loads what it compiled
    ready, done = turns
    ready.wait()
    began = time.process_time()
    stream.land()
    worked.put(time.process_time() - began)
    done.wait()


def most_mb() -> float:
    """The most memory that a process that has ended had."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    """Measure alone."""
    river = series.load("lro_mainstreet")
    assert river is not None, "its data is not here"
    print(measure(river, print), f"{most_mb():.0f} MB")


if __name__ == "__main__":
    main()
