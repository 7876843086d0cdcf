# SPDX-License-Identifier: MIT
"""A series through the product: the firmware's log under MicroPython, then the laptop's decoder.

What comes back must be what went in, to the bit, or the run fails: a size counts only when it holds
the data.
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from series import MISSING, Series
from under_micropython import BenchError, run

from tirta.log.decode import decode
from tirta_format import meta, page_chunks
from tirta_format import page as format_page

Pages = list[tuple[int, bytes]]
AS_CHUNKS_FILL = (1000, 0)  # a regime: nothing is written before a chunk is full


@dataclass(frozen=True)
class Told:
    """What one regime cost; pairs are (journal, log)."""

    records: int
    programmed: tuple[int, int]
    erased: tuple[int, int]
    pages: tuple[int, int]
    most_waiting: int  # records that were not durable, at the worst moment


@dataclass(frozen=True)
class Logged:
    """A series as it lies in the log, pages by sequence."""

    told: Told
    pages: Pages

    @property
    def used_bytes(self) -> int:
        """All pages but the last whole, the last to the end of its chunks, without the config."""
        return sum(map(_used, self._whole())) - sum(map(_config_bytes, self._whole()))

    def _whole(self) -> list[tuple[bytes, bool]]:
        last = self.pages[-1][0]
        return [(data, seq == last) for seq, data in self.pages]


def _used(page: tuple[bytes, bool]) -> int:
    data, last = page
    return len(data.rstrip(b"\xff")) if last else len(data)


def _config_bytes(page: tuple[bytes, bool]) -> int:
    """The text of the config is written once in the life of a config, and is no record."""
    data, _ = page
    head = format_page.header(data)
    return sum(
        n + format_page.CHUNK_OVERHEAD
        for kind, at, n in page_chunks.chunks(data, head.crc)
        if kind == format_page.META and data[at] == meta.CONFIG
    )


def config_text(series: Series) -> bytes:
    """A config that has the series' channels."""
    channels = []
    for i, scale in enumerate(series.scales):
        channel: dict[str, object] = {"name": f"c{i}", "pin": i, "scale": scale}
        if i in series.counted:
            channel |= {"sensor": "pulse", "counter": 0, "ml": 10000}
        else:
            channel |= {"sensor": "voltage", "uv0": 0, "uv1": 1, "value0": 0, "value1": 1}
        channels.append(channel)
    config = {"board": "virtual", "channels": channels}
    return json.dumps(config, sort_keys=True, separators=(",", ":")).encode()


def log(series: Series, regimes: Sequence[tuple[int, int]] = (AS_CHUNKS_FILL,)) -> list[Logged]:
    """The series in the log under each regime, decoded and compared."""
    whole = series.joined()
    with tempfile.TemporaryDirectory() as folder:
        raw = whole.slots.astype("<i4").tobytes() + whole.values.astype("<i4").tobytes()
        (Path(folder) / "records").write_bytes(raw + whole.flags.tobytes())
        code = (
            "import bench_log\n"
            f"bench_log.main({folder!r}, {series.channels}, {series.records}, {series.counted!r}, "
            f"{config_text(series)!r}, {list(regimes)!r})"
        )
        lines = run(code).splitlines()
        found = []
        for i, line in enumerate(lines):
            told = Told(**json.loads(line))
            image = (Path(folder) / f"flash-{i}.bin").read_bytes()
            found.append(Logged(told, pages_of(image)))
    if len(found) != len(regimes):
        raise BenchError(f"{len(found)} of {len(regimes)} regimes were told")
    for logged in found:
        verify(series, logged.pages)
    return found


def pages_of(image: bytes) -> Pages:
    """The pages of the log in the bytes of its partition; the journal's have another mark."""
    blocks = [image[at : at + format_page.SIZE] for at in range(0, len(image), format_page.SIZE)]
    heads = [(format_page.header(block), block) for block in blocks]
    return sorted((head.seq, block) for head, block in heads if head is not None)


def verify(series: Series, pages: Pages) -> None:
    """Decode as a pull does and compare; raises BenchError at the first difference."""
    decoded = decode(pages, configs=[config_text(series)])
    problems = [text for verdict in decoded.verdicts for text in verdict.problems]
    if problems:
        raise BenchError(f"{series.name}: the laptop refuses the log: {problems[0]}")
    whole, batches = series.joined(), decoded.records
    number = np.concatenate([batch.number for batch in batches])
    if not np.array_equal(number, np.arange(series.records)):
        raise BenchError(f"{series.name}: {len(number)} of {series.records} records came back")
    slots = np.concatenate([batch.slot for batch in batches])
    values = np.concatenate([batch.values for batch in batches])
    flags = np.concatenate([batch.flags for batch in batches])
    known = whole.flags != MISSING
    for what, same in (
        ("slots", np.array_equal(slots, whole.slots)),
        ("flags", np.array_equal(flags, whole.flags)),
        ("values", np.array_equal(values[known], whole.values[known])),
    ):
        if not same:
            raise BenchError(f"{series.name}: {what} came back altered")
