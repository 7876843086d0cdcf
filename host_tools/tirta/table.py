# SPDX-License-Identifier: MIT
"""Records as a table in long form: one row for each record and channel.

The columns are the promise to scripts: `time_utc, time_quality, node, epoch, number, channel,
value, unit, flag`. A missing value is empty and has flag 9; a record without a known time has an
empty time.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from tirta.dating import UNSET, date
from tirta.decode import Batch, Log

MISSING = 9
SCHEMA = pa.schema(
    [
        ("time_utc", pa.timestamp("ms", tz="UTC")),
        ("time_quality", pa.string()),
        ("node", pa.string()),
        ("epoch", pa.int64()),
        ("number", pa.int64()),
        ("channel", pa.string()),
        ("value", pa.float64()),
        ("unit", pa.string()),
        ("flag", pa.uint8()),
    ]
)


def tables(log: Log) -> Iterator[pa.Table]:
    """A log page by page, in the order of the record numbers."""
    for batch in log.batches:
        yield _table(log, batch)


def _table(log: Log, batch: Batch) -> pa.Table:
    channels = batch.config["channels"]
    count, width = batch.values.shape
    unix_ms, quality = date(batch.boot, batch.uptime_ms, log.anchors, log.page_anchors)
    flags = batch.flags.ravel()
    scale = np.array([c["scale"] for c in channels], dtype=np.float64)
    values = (batch.values / scale).ravel()

    def each(column: np.ndarray) -> np.ndarray:
        return np.repeat(column, width)

    def cycle(key: str) -> np.ndarray:
        return np.tile(np.array([c[key] for c in channels], dtype=object), count)

    columns = [
        pa.array(each(unix_ms), pa.int64(), mask=each(quality == UNSET)).cast(SCHEMA[0].type),
        pa.array(each(quality.astype(object)), pa.string()),
        pa.array([log.node] * (count * width), pa.string()),
        pa.array(np.full(count * width, log.epoch), pa.int64()),
        pa.array(each(batch.number), pa.int64()),
        pa.array(cycle("name"), pa.string()),
        pa.array(values, pa.float64(), mask=flags == MISSING),
        pa.array(cycle("unit"), pa.string()),
        pa.array(flags, pa.uint8()),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)
