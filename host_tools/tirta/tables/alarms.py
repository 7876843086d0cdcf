# SPDX-License-Identifier: MIT
"""What an alarm's record says, in physical units.

The record (FORMAT.md section 5, type 8) has the alarm's name and a value times a scale; of which
column it is, and its scale and unit, says the config in force. Calibrations do not matter: the
value is what the node judged.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tirta.water import columns
from tirta_format import alarm_log

_PULSES_UNIT = "L/s"


class AlarmValue(NamedTuple):
    """`value` is None where the alarm has none, or its config is not here."""

    channel: str | None
    value: float | None
    unit: str | None


NOTHING = AlarmValue(None, None, None)


def judged(fields: Mapping[str, Any], config: Mapping[str, Any] | None) -> AlarmValue:
    """Return column, value and unit of an alarm's fields under the config in force; of pulses the
    flow.

    A contact has no column, and a fault is raised by what is no value. `burst` and `night` may come
    with a record that is bad: the node then says 0, as for a flow that stands still, so a 0 of
    theirs counts as no value.
    """
    kind = fields["alarm"]
    names = {a["name"]: a for a in (config or {}).get("alarms", ())}
    alarm = names.get(fields["name"], {})
    found = {c.name: c for c in columns.of(dict(config or {}))} if alarm.get("column") else {}
    column = found.get(alarm.get("column", ""))
    if column is None or kind == alarm_log.TAMPER:
        return NOTHING
    unit = column.unit if column.flow is None else _PULSES_UNIT
    absent = (kind == alarm_log.FAULT and fields["raised"]) or (
        kind in (alarm_log.BURST, alarm_log.NIGHT) and not fields["value"]
    )
    if absent:
        return AlarmValue(column.name, None, unit)
    if column.flow is not None:
        ml, span_ms = column.flow
        return AlarmValue(column.name, fields["value"] * ml / span_ms, unit)
    return AlarmValue(column.name, fields["value"] / column.scale, unit)


def sentence(fields: Mapping[str, Any], found: AlarmValue) -> str:
    """Say what happened, in English."""
    kinds, number = alarm_log.KINDS, fields["alarm"]
    why = kinds[number] if number < len(kinds) else f"kind {number}"
    name = f"Alarm {fields['name']} ({why})"
    value = "" if found.value is None else f"{found.value:.6g} {found.unit}".rstrip()
    if not fields["raised"]:
        return f"{name} is over{f', {found.channel} at {value}' if value else ''}."
    return f"{name} was raised{f': {found.channel} at {value}' if value else ''}."
