# SPDX-License-Identifier: MIT
"""What makes a recorded value an engineering one: flow in L/s, pressure in metres of water.

A value means what the config says that was in force when it was sampled: its pulse weight, its
unit, its interval. Report, district, plot and exports ask here, config by config, and never apply
the newest config to older records.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tirta.text import clean
from tirta.water import quantities
from tirta.water.columns import Column

LPS, METRES = "L/s", "m"
_DEFAULT_STEP_MS = 60_000  # of tables in which the config of a record is not described
_TO_LPS = {LPS: 1.0, "L/min": 1 / 60, "L/h": 1 / 3600, "m3/h": 1 / 3.6}
# Metres of water at 4 degC and standard gravity: 1 bar = 100 000 / 9806.65 m.
_TO_M = {METRES: 1.0, "bar": 10.1972, "mbar": 0.0101972, "kPa": 0.101972, "MPa": 101.972}


@dataclass(frozen=True)
class Conversion:
    """`value * factor` is in `unit`. `quantum` is the step of one pulse in it, 0 where none is;
    `step_s` what a value stands for.
    """

    quantity: str
    factor: float
    unit: str
    quantum: float
    step_s: float


def of_row(row: Mapping[str, Any], unit: str = "") -> Conversion:
    """Return the conversion of a row of the table `channels`; `unit` stands in where the row names
    none.
    """
    return _conversion(
        str(row.get("quantity") or "other"),
        str(row.get("unit") or unit),
        (row.get("ml"), row.get("ml_ms")),
        row.get("step_ms") or _DEFAULT_STEP_MS,
    )


def of_column(column: Column) -> Conversion:
    """Return the conversion of a column of a decoded config."""
    return _conversion(
        quantities.of(column), column.unit, column.flow or (None, None), column.step_ms
    )


def _conversion(
    quantity: str, unit: str, flow: tuple[int | None, int | None], step_ms: int
) -> Conversion:
    step_s = float(step_ms) / 1000
    if quantity == "flow":
        ml, ml_ms = flow
        if ml and ml_ms:
            return Conversion(quantity, ml / ml_ms, LPS, ml / ml_ms, step_s)  # mL in each ms: L/s
        if unit in _TO_LPS:
            return Conversion(quantity, _TO_LPS[unit], LPS, 0.0, step_s)
    if quantity == "pressure" and unit in _TO_M:
        return Conversion(quantity, _TO_M[unit], METRES, 0.0, step_s)
    return Conversion(quantity, 1.0, clean(unit), 0.0, step_s)
