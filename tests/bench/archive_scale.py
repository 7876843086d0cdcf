# SPDX-License-Identifier: MIT
"""From pages to tables, and from tables to answers, at the size of a utility: 1,000 nodes, 8
channels a minute, a year.

What is measured is a stated part of it, and nothing but its size is extrapolated. The records are a
month of drinking water (gecco2018, 1/min), logged by the firmware under MicroPython; the same
pages, with other numbers, boots and dates in their headers and their CRCs made anew, are the other
months, and stand under other names for other nodes.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import product
from figures import Figures, Say
from series import Series
from under_micropython import BenchError

from tirta.archive.evidence import Archive
from tirta.tables.landing import land_all
from tirta.tables.query import connect
from tirta_format import config as format_config
from tirta_format import page as format_page
from tirta_format import page_chunks

WHOLE_VALUES = 1000 * 525_600 * 8
NODES, MONTHS, CORES = 16, 12, 2
EPOCH = 0x7157A
BEGIN_MS = 1_735_689_600_000  # 2025-01-01
MONTH_MS = 30 * 86_400_000
_UNITS = ("degC", "mg/L", "pH", "mV", "uS/cm", "NTU", "mg/L", "m3/h")
_NAMES = (
    "temperature",
    "chlorine",
    "ph",
    "redox",
    "conductivity",
    "turbidity",
    "chlorine_2",
    "flow",
)
NIGHT = """
SELECT node, time_utc::DATE AS night, min(litres_per_s) AS least, quantile_cont(litres_per_s, 0.2)
FROM flow WHERE hour(time_utc) BETWEEN 2 AND 3 AND flag IN (1, 2) GROUP BY ALL"""


def eight(series: Series) -> Series:
    """The first eight channels of a series."""
    blocks = (
        replace(b, values=b.values[:, :8].copy(), flags=b.flags[:, :8].copy())
        for b in series.blocks
    )
    return replace(series, scales=series.scales[:8], blocks=tuple(blocks))


def config_text(series: Series) -> bytes:
    """What the channels are called, and in which units."""
    config = json.loads(product.config_text(series))
    for channel, name, unit in zip(config["channels"], _NAMES, _UNITS, strict=False):
        channel |= {"name": name, "unit": unit}
    return json.dumps(config, sort_keys=True, separators=(",", ":")).encode()


def moved(data: bytes, sequence: int, number: int, boot: int, config_hash: int) -> bytes:
    """A page with another place in the log; its chunks are the same, their CRCs made anew."""
    old = format_page.header(data)
    head = format_page.Header(
        old.channels, sequence, EPOCH, old.number + number, old.slot, boot, config_hash
    )
    head.date(BEGIN_MS + (boot - 1) * MONTH_MS, 3, 100)
    out = bytearray(format_page.MARK + head.pack()).ljust(format_page.SIZE, b"\xff")
    for kind, at, n in page_chunks.chunks(data, old.crc):
        if kind not in (format_page.PACKED, format_page.SUMMED, format_page.META):
            raise BenchError(f"a chunk of kind {kind} in an undisturbed log")
        coded = bytearray(data[at - 2 : at + n + 4])
        format_page.finish_chunk(coded, kind, n, head.crc)
        out[at - 2 : at + n + 4] = coded
    return bytes(out)


def build(root: Path, series: Series, nodes: int = NODES, months: int = MONTHS) -> int:
    """An archive with evidence only; the number of values in it."""
    (logged,) = product.log(series)
    text = config_text(series)
    config_hash = format_config.config_hash(text)
    for i in range(nodes):
        epoch = Archive(root).epoch(f"node{i:04d}", EPOCH)
        epoch.store_config(config_hash, text)
        (epoch.folder / "pages").mkdir(parents=True)
        sequence = 0
        for month in range(months):
            for _, data in logged.pages:
                sequence += 1
                target = epoch.path(sequence)
                if i:  # another node with the same records: the same file
                    os.link(Archive(root).epoch("node0000", EPOCH).path(sequence), target)
                else:
                    number = month * series.records
                    target.write_bytes(moved(data, sequence, number, month + 1, config_hash))
    return nodes * months * series.values


def land_apart(root: Path, cores: int) -> tuple[float, float]:
    """Seconds, and the most MB that one of its processes had, of a landing on so many cores."""
    code = (
        "import sys, time; from pathlib import Path; from tirta.tables.landing import land_all\n"
        "if __name__ == '__main__':\n"
        "    t = time.monotonic()\n"
        f"    done = land_all(Path({str(root)!r}), processes={cores})\n"
        "    assert not done.problems, done.problems\n"
        "    print(time.monotonic() - t)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"the landing failed: {done.stderr[-500:]}")
    most_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return float(done.stdout), most_mb


def must_have(con: duckdb.DuckDBPyConnection, values: int) -> None:
    """A speed counts only when every value arrived."""
    ((rows,),) = con.sql("SELECT count(*) FROM records").fetchall()
    if rows != values:
        raise BenchError(f"{rows} of {values} values are in the tables")


def _timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def measure(series: Series, say: Say, nodes: int = NODES, months: int = MONTHS) -> Figures:
    """`archive.*`"""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        values = build(root, series, nodes, months)
        evidence = sum(_sizes(root, "*.page"))
        first = Archive(root).epochs()[0].node
        land_all(root, [first])  # numba compiles before the clock starts
        _forget_tables(root)
        land_s, most_mb = land_apart(root, CORES)
        again_s = _timed(lambda: land_all(root))
        tables = sum(_sizes(root, "*.parquet"))
        with connect(root) as con:
            must_have(con, values)
            month = f"SELECT * FROM records WHERE node = '{first}' AND month = '2025-03'"
            month_s = _timed(lambda: con.sql(month).to_arrow_table())
            night_s = _timed(lambda: con.sql(NIGHT).to_arrow_table())
    speed, part = values / land_s, values / WHOLE_VALUES
    hours = land_s / part / 3600
    whole_gb = tables / part / 1e9
    lines = [
        f"{values:,} values of {nodes} nodes and {months} months: {part:.2%} of the whole",
        f"  pages to tables on {CORES} cores: {speed:,.0f} values/s; the whole in {hours:.1f} h",
        f"  most memory of a process {most_mb:,.0f} MB; landing with nothing new {again_s:.1f} s",
        f"  bytes a value: evidence {evidence / values:.2f}, tables {tables / values:.2f}",
        f"  tables of the whole: {whole_gb:.1f} GB",
        f"  a month of a node {month_s:.2f} s; nights of {nodes} nodes {night_s:.2f} s",
    ]
    say("\n".join(lines))
    return {
        "archive.values_per_s": speed,
        "archive.measured_values": values,
        "archive.peak_mb": most_mb,
        "archive.table_bytes_per_value": tables / values,
        "archive.month_of_a_node_s": month_s,
        "archive.nights_of_a_district_s": night_s,
    }


def _sizes(root: Path, pattern: str) -> Iterator[int]:
    return (path.stat().st_size for path in root.rglob(pattern))


def _forget_tables(root: Path) -> None:
    for path in root.rglob("*.parquet"):
        path.unlink()
