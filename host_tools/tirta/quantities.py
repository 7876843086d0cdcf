# SPDX-License-Identifier: MIT
"""What a column measures, by its unit and name, so that a question about flow or pH needs no list
of channel names.

A *quantity* is flow, pressure, ph, turbidity, conductivity, chlorine, temperature, … or `other`.
"""

from typing import Any

from tirta.columns import Column

_BY_UNIT = {
    "L/s": "flow", "L/min": "flow", "L/h": "flow", "m3/h": "flow", "bar": "pressure",
    "mbar": "pressure", "kPa": "pressure", "MPa": "pressure", "m": "pressure", "pH": "ph",
    "NTU": "turbidity", "FNU": "turbidity", "uS/cm": "conductivity", "mS/cm": "conductivity",
    "degC": "temperature", "mV": "redox", "V": "voltage",
}  # fmt: skip
_AMBIGUOUS = {"mg/L", "m", "mV", "V", "%", ""}  # the unit alone does not say
_BY_NAME = {
    "chlorine": "chlorine", "cl2": "chlorine", "oxygen": "oxygen", "do": "oxygen",
    "level": "level", "battery": "battery", "ph": "ph",
}  # fmt: skip


def of(column: Column) -> str:
    """The quantity of a column."""
    if column.flow:
        return "flow"
    if column.unit in _AMBIGUOUS:
        for part in column.name.lower().split("_"):
            if part in _BY_NAME:
                return _BY_NAME[part]
    return _BY_UNIT.get(column.unit, "other")


def as_flow(told: dict[str, Any], unit: str) -> tuple[float, str]:
    """What makes values of a channel flow, and their unit then; (1, unit) for all others.

    `told` is the channel's row in the table of channels, of the config that the values come from.
    """
    if told.get("ml") and told.get("ml_ms"):
        return told["ml"] / told["ml_ms"], "L/s"  # mL in each ms
    return 1.0, unit
