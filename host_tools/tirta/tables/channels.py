# SPDX-License-Identifier: MIT
"""The table of channels: what each column of each config is, with its sensor and unit."""

import contextlib
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from tirta.tables import facts, layout
from tirta.water import columns, node_config, quantities
from tirta.water.columns import Column
from tirta_format import config as format_config


def to_table(epoch: int, texts: Iterable[bytes], used: set[str]) -> pa.Table:
    """Make a row for each column of those configs whose hash is in `used`; CHANNEL_SCHEMA."""
    rows = []
    for text in texts:
        config_hash = facts.hex_of(format_config.config_hash(text))
        if config_hash not in used:
            continue
        with contextlib.suppress(ValueError):  # what nobody can use names no column
            config = node_config.parse(text)
            found = enumerate(columns.of(config))
            rows += [_row(epoch, config_hash, config, at, one) for at, one in found]
    rows.sort(key=lambda row: (row["config"], row["position"]))
    return pa.Table.from_pylist(rows, schema=layout.CHANNEL_SCHEMA)


def _row(
    epoch: int, config_hash: str, config: dict[str, Any], position: int, column: Column
) -> dict[str, Any]:
    ml, ml_ms = column.flow or (None, None)
    return {
        "epoch": epoch, "config": config_hash, "node_name": config["name"],
        "board": config["board"], "position": position, "channel": column.name,
        "source": column.channel["name"], "what": column.what, "sensor": column.sensor,
        "quantity": quantities.of(column), "unit": column.unit, "scale": column.scale,
        "interval_ms": column.interval_ms, "step_ms": column.step_ms, "ml": ml,
        "ml_ms": ml_ms,
    }  # fmt: skip
