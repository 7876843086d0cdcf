# SPDX-License-Identifier: MIT
"""What a column measures, by its unit and name, so that a question about flow or pH needs no list
of channel names.

A *quantity* is flow, pressure, ph, turbidity, conductivity, chlorine, temperature, … or `other`.
"""

from tirta.water.columns import Column

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
    """Return the quantity of a column."""
    if column.flow:
        return "flow"
    if column.unit in _AMBIGUOUS:
        for part in column.name.lower().split("_"):
            if part in _BY_NAME:
                return _BY_NAME[part]
    return _BY_UNIT.get(column.unit, "other")
