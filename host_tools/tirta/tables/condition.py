# SPDX-License-Identifier: MIT
"""What a node's tables say of its condition now: firmware, battery, alarms that are raised."""

import json
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tirta.tables import layout
from tirta.tables.layout import Shelf


class Condition(NamedTuple):
    """As of the newest record and event; empty or None where nobody knows."""

    firmware: str = ""
    battery_v: float | None = None
    alarms: tuple[str, ...] = ()


def condition(shelf: Shelf) -> Condition:
    """Look at the tables of a node's epoch."""
    happened = layout.read(shelf.table(layout.EVENTS), layout.EVENT_SCHEMA)
    firmware, raised = "", {}
    if happened is not None:
        wanted = happened.filter(pc.is_in(happened["kind"], pa.array(["boot", "alarm"])))
        for kind, told in zip(*(wanted[n].to_pylist() for n in ("kind", "fields")), strict=True):
            fields = json.loads(told)
            if kind == "boot":
                firmware = str(fields.get("firmware", ""))
            elif "name" in fields:
                raised[str(fields["name"])] = bool(fields.get("raised"))
    return Condition(
        firmware, _battery_v(shelf), tuple(sorted(n for n, up in raised.items() if up))
    )


def _battery_v(shelf: Shelf) -> float | None:
    """The newest voltage of its battery."""
    known = layout.read(shelf.table(layout.CHANNELS), layout.CHANNEL_SCHEMA)
    if known is None:
        return None
    mask = pc.and_(pc.equal(known["quantity"], "battery"), pc.equal(known["what"], "value"))
    names = known.filter(mask)["channel"].to_pylist()
    dated = [month for month in shelf.months() if month != layout.UNSET]
    if not names or not dated:
        return None
    try:
        values = pq.read_table(
            shelf.month(max(dated)), columns=["number", "value", "flag"], partitioning=None,
            filters=[("channel", "in", names), ("flag", "in", [1, 2])],
        ).sort_by("number")["value"].drop_null()  # fmt: skip
    except (OSError, pa.ArrowException):
        return None
    return float(values[-1].as_py()) if len(values) else None
