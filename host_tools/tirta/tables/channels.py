# SPDX-License-Identifier: MIT
"""The table of channels: what each column of each config is, with its sensor and unit."""

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from tirta.tables import facts, layout
from tirta.water import columns, node_config, quantities
from tirta.water.columns import Column
from tirta_format import config as format_config


def to_table(epoch: int, texts: Iterable[bytes], used: set[str]) -> pa.Table:
    """Make a row for each column of those configs whose hash is in `used`; CHANNEL_SCHEMA."""
    configs = {}
    for text in texts:
        config_hash = format_config.config_hash(text)
        if facts.hex_of(config_hash) in used:
            with contextlib.suppress(ValueError):  # what nobody can use names no column
                configs[config_hash] = node_config.parse(text)
    return of_configs(epoch, configs)


def of_configs(epoch: int, configs: Mapping[int, dict[str, Any]]) -> pa.Table:
    """Make the same of configs that were parsed, by hash."""
    rows = [
        _row(epoch, facts.hex_of(config_hash), config, at, one)
        for config_hash, config in configs.items()
        for at, one in enumerate(columns.of(config))
    ]
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
