# SPDX-License-Identifier: MIT
"""Meta records as a table: what happened to a node, when, and in words."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from tirta.log import losses
from tirta.log.dating import PLAUSIBLE_MS, QUALITIES, Anchor, Dating
from tirta.log.decode import Event
from tirta.tables import alarms
from tirta.tables.layout import EVENT_SCHEMA, TIME
from tirta.text import counted
from tirta_format import access, access_log, alarm_log, calibration, meta

KINDS = {
    meta.BOOT: "boot", meta.ANCHOR: "anchor", meta.LOSS: "loss", meta.CHECKPOINT: "checkpoint",
    meta.STOP: "stop", 7: "calibration", 8: "alarm", 9: "access", 10: "update",
}  # fmt: skip
SOURCES = ("no clock", "the chip's clock", "a laptop", "NTP", "a battery-backed clock")
_STOPS = {
    meta.STOP_VISIT: "a visit",
    meta.STOP_RESTART: "a restart was asked for",
    meta.STOP_CONFIG: "a new config",
}
_DEEDS = {
    access_log.LOGIN: "logged in",
    access_log.REPL: "opened the way to the REPL",
    access_log.KEY: "changed the node's key",
    access_log.MODE: "changed the node's mode",
    access_log.FLOOR: "set the time floor",
}


def rows(
    events: Iterable[Event], configs: Mapping[int, dict[str, Any] | None]
) -> list[dict[str, Any]]:
    """Turn events of decoded pages as rows without a time; `place` counts within the page,
    `configs` are those in force by page, as far as they are known.
    """
    found = []
    places: dict[int, int] = {}
    for event in events:
        place = places[event.page] = places.get(event.page, -1) + 1
        judged = alarms.NOTHING
        if event.kind == alarm_log.RECORD:
            judged = alarms.judged(event.fields, configs.get(event.page))
        found.append({
            "boot": event.boot, "uptime_ms": event.uptime_ms, "page": event.page, "place": place,
            "type": event.kind, "kind": KINDS.get(event.kind, f"type {event.kind}"),
            "what": alarms.sentence(event.fields, judged)
            if event.kind == alarm_log.RECORD
            else _what(event.kind, event.fields),
            **judged._asdict(),
            "fields": json.dumps(event.fields, sort_keys=True, default=_plain),
        })  # fmt: skip
    return found


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _probe(fields: dict[str, Any]) -> str:
    who = f" by {fields['who']}" if fields["who"] else ""
    return (
        f"Calibrated {fields['channel']} ({fields['method']}){who}:"
        f" {fields['old']} became {fields['new']}."
    )


def _access(fields: dict[str, Any]) -> str:
    guesses = counted(fields["wrong"], "wrong key") if fields["wrong"] else ""
    if fields["what"] == access_log.LOCKED_OUT:
        return f"Locked everybody out for a while after {guesses or 'wrong keys'}."
    role, serial = fields["role"], fields["serial"]
    who = {access.ANYONE: "Whoever had the cable", access.TECHNICIAN: "A technician"}.get(
        role, "An administrator" if role == access.ADMINISTRATOR else f"Role {role}"
    )
    if role:
        who += f" with credential {serial}" if serial else " with the fleet's key"
    did = _DEEDS.get(fields["what"], f"did {fields['what']}")
    return f"{who} {did}{f', after {guesses}' if guesses else ''}."


def _what(kind: int, fields: dict[str, Any]) -> str:
    if kind == meta.BOOT:
        cause = fields["cause"]
        why = meta.CAUSES[cause] if cause < len(meta.CAUSES) else f"cause {cause}"
        return f"Started with firmware {fields['firmware']} on {fields['board']}: {why}."
    if kind == meta.ANCHOR:
        source = fields["source"]
        who = SOURCES[source] if source < len(SOURCES) else f"source {source}"
        if not PLAUSIBLE_MS[0] <= fields["unix_ms"] < PLAUSIBLE_MS[1]:
            return f"The clock was told an impossible time by {who}: it is not used."
        time = datetime.fromtimestamp(fields["unix_ms"] / 1000, UTC)
        return f"The clock was told {time:%Y-%m-%d %H:%M:%S} UTC by {who}."
    if kind == meta.LOSS:
        why = losses.REASONS.get(fields["reason"], f"reason {fields['reason']}")
        most = fields["at_most"]
        unknown = "told before" if fields["reason"] == meta.LOSS_TORN else "nobody knows how many"
        count = f"at most {counted(most, 'record')}" if most else unknown
        return f"Lost before record {fields['number']}: {why}; {count}."
    if told := {calibration.RECORD: _probe, access_log.ACCESS: _access}.get(kind):
        return told(fields)
    if kind == meta.CHECKPOINT:
        return f"A laptop had every record before {fields['pulled']}."
    if kind == meta.STOP:
        return (
            f"Stopped in order: {_STOPS.get(fields['reason'], 'reason ' + str(fields['reason']))}."
        )
    return f"A record of type {kind}."


def anchors(found: Iterable[dict[str, Any]]) -> dict[int, list[Anchor]]:
    """Find the anchors among rows, by boot."""
    out: dict[int, list[Anchor]] = {}
    for row in found:
        if row["type"] == meta.ANCHOR and row["boot"] is not None:
            told = json.loads(row["fields"])
            out.setdefault(row["boot"], []).append(
                Anchor(row["uptime_ms"], told["unix_ms"], told["uncertainty_ms"], told["source"])
            )
    return out


def to_table(epoch: int, found: list[dict[str, Any]], dating: Dating) -> pa.Table:
    """Turn rows, with their times, as the table `events`."""
    boots = np.array([-1 if row["boot"] is None else row["boot"] for row in found], np.int64)
    uptime = np.array([row["uptime_ms"] for row in found], np.int64)
    dated = dating.date(boots, uptime)
    unset = dated.quality == 0
    columns = {
        "time_utc": pa.array(dated.unix_ms * 1000, pa.int64(), mask=unset).cast(TIME),
        "time_quality": pa.array(QUALITIES[dated.quality].tolist(), pa.string()),
        "time_uncertainty_ms": pa.array(dated.uncertainty_ms, pa.int64(), mask=unset),
        "epoch": pa.array(np.full(len(found), epoch), pa.int64()),
    }
    for name in EVENT_SCHEMA.names[len(columns) :]:
        columns[name] = pa.array([row[name] for row in found], EVENT_SCHEMA.field(name).type)
    return pa.table(columns, schema=EVENT_SCHEMA)


def from_table(table: pa.Table) -> list[dict[str, Any]]:
    """Read the rows that `to_table` was given."""
    found: list[dict[str, Any]] = table.drop_columns(EVENT_SCHEMA.names[:4]).to_pylist()
    return found
