# SPDX-License-Identifier: MIT
"""An archive of districts with known truth, in the tables that `tirta pull` makes.

`python tests/support/district_archive.py FOLDER [NODES]` writes one to look at, with its district
file and a file of citizens' requests.
"""

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from district_truth import DAY, PULSE_L, START_S, District, Floats, district

from tirta.tables.layout import CHANNEL_SCHEMA, TIME


@dataclass(frozen=True)
class Under:
    """The config that is in force, and the epoch."""

    config: str = "c0ffee01"
    epoch: int = 20755394
    interval_s: float = 60.0


FIRST = Under()


@dataclass(frozen=True)
class Channel:
    """Raw values of a channel, one an interval; NaN is missing (flag 9)."""

    name: str
    quantity: str
    unit: str
    value: Floats
    flag: Any = 1
    ml: int = 0
    of: str = ""  # the channel of which it is a statistic
    what: str = "value"


def write_node(
    root: Path,
    node: str,
    channels: list[Channel],
    *,
    name: str = "",
    start_s: float = START_S,
    keep: Any = slice(None),
    quality: str = "synchronised",
    events: tuple[tuple[Any, ...], ...] = (),
    under: Under = FIRST,
) -> None:
    """One node's tables; `keep` chooses the records that are there. Call it again, `under` another
    config and epoch, for what the node recorded after a change.
    """
    count = len(channels[0].value)
    number = np.arange(count, dtype=np.int64)[keep]
    time_s = (start_s + under.interval_s * np.arange(1.0, count + 1))[keep]
    months = time_s.astype("datetime64[s]").astype("datetime64[M]").astype(str)
    if quality == "unset":
        months = np.full(len(time_s), "unset")
    for month in np.unique(months):
        rows = months == month
        table = pa.concat_tables(
            [
                _records(c, keep, rows, number, time_s, quality=quality, under=under)
                for c in channels
            ]
        )
        _write(root / f"records/node={node}/month={month}/epoch-{under.epoch}.parquet", table)
    epoch = f"epoch-{under.epoch}.parquet"
    _write(root / f"channels/node={node}/{epoch}", _channels(channels, name, under))
    _write(root / f"events/node={node}/{epoch}", _events(events))


def _records(
    channel: Channel,
    keep: Any,
    rows: Any,
    number: Any,
    time_s: Floats,
    *,
    quality: str,
    under: Under,
) -> pa.Table:
    value = channel.value[keep][rows]
    flag = np.broadcast_to(np.asarray(channel.flag, np.int8), channel.value.shape)[keep][rows]
    missing = np.isnan(value)
    count = len(value)
    times = pa.array((time_s[rows] * 1e6).astype(np.int64), pa.int64())
    return pa.table(
        {
            "time_utc": pa.nulls(count, TIME) if quality == "unset" else times.cast(TIME),
            "time_quality": pa.array([quality] * count),
            "time_uncertainty_ms": pa.array(np.full(count, 40), pa.int64()),
            "epoch": pa.array(np.full(count, under.epoch), pa.int64()),
            "number": pa.array(number[rows], pa.int64()),
            "channel": pa.array([channel.name] * count),
            "value": pa.array(value, pa.float64(), mask=missing),
            "unit": pa.array([channel.unit] * count),
            "flag": pa.array(np.where(missing, 9, flag).astype(np.int8), pa.int8()),
            "config": pa.array([under.config] * count),
        }
    )


def _channels(channels: list[Channel], name: str, under: Under) -> pa.Table:
    step_ms = round(under.interval_s * 1000)
    rows = [
        {
            "epoch": under.epoch, "config": under.config, "node_name": name, "board": "virtual",
            "position": i, "channel": c.name, "source": c.of or c.name, "what": c.what,
            "sensor": "pulse" if c.ml else "4-20mA",
            "quantity": c.quantity, "unit": c.unit, "scale": 1, "interval_ms": step_ms,
            "step_ms": step_ms, "ml": c.ml, "ml_ms": step_ms,
        }
        for i, c in enumerate(channels)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=CHANNEL_SCHEMA)


def _events(events: tuple[tuple[Any, ...], ...]) -> pa.Table:
    """(time, kind, sentence) of each; its fields where the reader makes the sentence; and of an
    alarm its channel, value and unit.
    """
    texts = [(name, pa.string()) for name in ("kind", "what", "fields", "channel", "unit")]
    schema = pa.schema([("time_utc", TIME), ("value", pa.float64()), *texts])
    rows = [
        {
            "time_utc": datetime.fromtimestamp(time_s, UTC),
            "kind": kind,
            "what": what,
            "fields": json.dumps(fields[0] if fields else {}),
            **(fields[1] if fields[1:] else {}),
        }
        for time_s, kind, what, *fields in events
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def _write(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd", store_schema=False)


def inlet_channels(made: District, seed: int) -> list[Channel]:
    """What a district's inlet node measures: flow, pressure, quality, battery."""
    rng = np.random.default_rng(seed)
    minute = np.arange(len(made.pulses))
    hour = minute / 60 % 24
    turbid = 0.35 + 0.12 * np.sin(hour / 24 * 2 * np.pi) + rng.normal(0, 0.04, len(minute))
    for _, back in made.truth.interrupted:  # brown water when supply returns
        turbid += np.where(minute >= back, 6.5 * np.exp(-np.maximum(minute - back, 0) / 90), 0)
    chlorine = 0.33 + 0.06 * np.cos(hour / 24 * 2 * np.pi) + rng.normal(0, 0.012, len(minute))
    low = rng.integers(6 * DAY, 22 * DAY)
    chlorine[low : low + 420] -= 0.18
    ph = 7.3 + 0.12 * np.sin(hour / 24 * 2 * np.pi + 1) + rng.normal(0, 0.02, len(minute))
    ph_flags = np.ones(len(minute), np.int8)
    ph_flags[3 * DAY : 3 * DAY + 90] = 3
    return [
        Channel("flow", "flow", "pulses", made.pulses.astype(float), ml=round(PULSE_L * 1000)),
        Channel("p_critical", "pressure", "m", made.pressure.value),
        Channel("turbidity", "turbidity", "NTU", np.maximum(turbid, 0.05).round(3)),
        Channel("chlorine", "chlorine", "mg/L", np.maximum(chlorine, 0).round(3)),
        Channel("ph", "ph", "pH", ph.round(2), ph_flags),
        Channel("conductivity", "conductivity", "uS/cm", 410 + 25 * np.sin(minute / 9000)),
        Channel("temperature", "temperature", "degC", 27.4 + 0.8 * np.sin(hour / 24 * 6.283)),
        Channel("battery", "battery", "V", 12.6 + 0.5 * np.sin(hour / 24 * 6.283)),
    ]


NAMES = ("Cempaka", "Melati", "Kenanga", "Anggrek", "Dahlia", "Flamboyan", "Bougenville", "Teratai")


def write_district(root: Path, nodes: int = 6, seed: int = 40) -> Path:
    """An archive with a main zone and `nodes` - 1 zones below it; returns the district file."""
    made = [district(seed + i, burst_lps=None if i % 3 == 0 else 0.0) for i in range(nodes - 1)]
    own = district(seed + 99, burst_lps=0.0, interruptions=0)
    total = np.sum([one.pulses for one in (*made, own)], axis=0)
    main = District(own.truth, own.flow, own.pressure, total)
    lines = [
        "# SPDX-License-Identifier: MIT", "version = 1", 'name = "Kota Contoh"',
        'time_zone = "Asia/Jakarta"', "",
    ]  # fmt: skip
    for i, one in enumerate([main, *made]):
        node = f"02fb6be3{i:04x}"
        title = "Reservoir outlet" if i == 0 else f"Zona {NAMES[(i - 1) % 8]} {1 + (i - 1) // 8}"
        keep = np.ones(len(one.pulses), bool)
        if i == 2:
            keep[9 * DAY + 300 : 11 * DAY + 40] = False  # the node was off
        boot = (START_S + 11 * DAY * 60 + 2400, "boot", "Started with firmware 0.1.0: power on.")
        write_node(
            root, node, inlet_channels(one, seed + i), name=title, keep=keep,
            events=(boot,) if i == 2 else (),
        )  # fmt: skip
        lines += [
            "[[zone]]", f'id = "z{i}"', f'name = "{title}"', *(['parent = "z0"'] if i else []),
            f'in = ["{node}/flow"]', f'pressure = "{node}/p_critical"',
            f"connections = {one.truth.connections}",
            f"litres_per_connection_h = {one.truth.use_l_per_connection_h:.2f}",
            f"billed_m3 = {{ '2025-03' = {one.pulses.sum() * PULSE_L / 1000 * 0.7:.0f} }}",
            "", "[[node]]", f'id = "{node}"', f'name = "{title}"', f'zone = "z{i}"',
            f"lat = {-6.914 - 0.004 * (i % 4) - 0.001 * (i // 4):.4f}",
            f"lon = {107.609 + 0.005 * (i % 3) + 0.003 * (i // 3):.4f}", "",
        ]  # fmt: skip
    path = root.parent / "district.toml"
    path.write_text("\n".join(lines))
    _requests(root.parent / "requests.json", made[1])
    return path


def _requests(path: Path, one: District) -> None:
    """Citizens complain of brown water for two days after each interruption."""
    rng = np.random.default_rng(5)
    found: list[dict[str, Any]] = []
    for _, back in one.truth.interrupted or ((0, 5 * DAY),):
        for _ in range(6):
            time_s = START_S + 60 * back + rng.uniform(600, 2 * 86_400)
            when = datetime.fromtimestamp(time_s, UTC).isoformat()
            found.append({
                "service_request_id": str(len(found) + 7000), "status": "open",
                "service_code": "WATER01", "service_name": "Kualitas air",
                "description": "Air keruh kecoklatan, hubungi Budi 0812-3456-7890",
                "requested_datetime": when, "address": "Jl. Melati 12", "first_name": "Budi",
                "email": "budi@example.org", "lat": -6.91812 + rng.normal(0, 0.002),
                "long": 107.61433 + rng.normal(0, 0.002),
            })  # fmt: skip
    path.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    print(write_district(folder / "archive", int(sys.argv[2]) if len(sys.argv) > 2 else 6))
