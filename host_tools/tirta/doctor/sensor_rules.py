# SPDX-License-Identifier: MIT
"""Each sensor, from what it said in the newest pages: missing, at its limits, stuck, noisy, absurd.

A *level* is a channel that measures, not one that counts. Thresholds are wide on purpose: a warning
that comes on a healthy pipe is read once and never again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tirta.doctor.facts import NodeFacts
from tirta.doctor.finding import FAULT, WARNING, Finding
from tirta.text import duration
from tirta.water import columns, quantities
from tirta.water.columns import Column
from tirta_format import columns as format_columns
from tirta_format.record import MISSING, SUSPECT

RECENT = 3  # values in a row that are missing: not a hiccup
OFTEN = 0.1  # share that is missing or suspect
STUCK_S = 24 * 3600
STUCK_VALUES = 200
NOISY = 0.04  # of the span: median jump between neighbours, twice what a rough pipe does
NOISY_VALUES = 30
# What water and its instruments can be, by unit: (least, most). Wider than any limit of quality.
PLAUSIBLE = {
    "pH": (2.0, 12.5), "degC": (-2.0, 60.0), "NTU": (-0.5, 4000.0), "mg/L": (-0.1, 100_000.0),
    "uS/cm": (0.0, 200_000.0), "mS/cm": (0.0, 200.0), "mV": (-2000.0, 2000.0),
    "m": (-11.0, 400.0), "bar": (-1.1, 40.0), "kPa": (-110.0, 4000.0),
}  # fmt: skip
# What drinking water is, by unit: beyond it a probe is likelier than the water.
USUAL = {"pH": (5.5, 10.0), "degC": (0.5, 40.0)}
DEAD_MA = 2.0  # the chip reads no voltage below some 0.15 V; a fault is told by 3.5
PRESSED_S = 4 * 3600  # under pressure a district never takes nothing for so long
PRESSED_VALUES = 60
PRESSED = {"m": 5.0, "bar": 0.5, "kPa": 50.0}
LOW_BATTERY_V = 11.5  # of a 12 V lead battery: a tenth of its charge is left
_MISSING = {
    "current": (
        "sensor.loop-broken", "its loop is broken or the transmitter reports a fault",
        "Measure the current: 0 mA is a broken wire or no supply, above 21 mA the transmitter.",
    ),
    "ds18b20": (
        "sensor.silent", "the probe does not answer",
        "Check its three wires and the 4.7 kohm pull-up.",
    ),
    "modbus": (
        "sensor.silent", "the device does not answer",
        "Check A and B, the address, baud rate and parity, and the device's supply.",
    ),
}  # fmt: skip
_ANY_MISSING = ("sensor.silent", "the sensor does not answer", "Check its wires and its supply.")


@dataclass(frozen=True)
class ChannelSamples:
    """What one column said: values in its unit and their flags, where it was due."""

    column: Column
    values: NDArray[np.float64]  # of flags other than missing
    known: NDArray[np.int64]  # where those are
    flags: NDArray[np.uint8]

    @property
    def name(self) -> str:
        """The name of its column."""
        return self.column.name

    @property
    def gone(self) -> bool:
        """Whether its newest values are all missing."""
        return len(self.flags) >= RECENT and bool((self.flags[-RECENT:] == MISSING).all())


def channels(facts: NodeFacts) -> Iterator[ChannelSamples]:
    """Yield every column of the config in force that holds samples, not statistics."""
    if facts.log is None or facts.config is None:
        return
    found = [r for r in facts.log.records if r.config == facts.config]
    if not found:
        return
    for i, column in enumerate(columns.of(facts.config)):
        if column.what not in {"value", "last", "mean"}:
            continue
        due = [column.due(r.slot) for r in found]
        flags = np.concatenate([r.flags[d, i] for r, d in zip(found, due, strict=True)])
        raw = np.concatenate([r.values[d, i] for r, d in zip(found, due, strict=True)])
        known = np.nonzero(flags != MISSING)[0]
        yield ChannelSamples(column, raw[known] / column.scale, known, flags)


def sensors(facts: NodeFacts) -> Iterator[Finding]:
    """Apply all rules, and tell the worst one of each channel."""
    for channel in channels(facts):
        if not len(channel.flags) or (channel.gone and channel.column.sensor == "modbus"):
            continue  # modbus_rules.py has the latter
        for rule in (_missing, _absurd, _unusual, _battery, _suspect, _noisy, _stuck, _no_flow):
            found = next(rule(channel, facts), None)
            if found:
                yield found
                break


def _missing(channel: ChannelSamples, facts: NodeFacts) -> Iterator[Finding]:
    gone = channel.flags == MISSING
    name, why, then = _MISSING.get(channel.column.sensor, _ANY_MISSING)
    if channel.column.sensor == "ds18b20" and (told := facts.status.get("one_wire")):
        name, why, then = _thermometer(*told[:2]) or (name, why, then)
    if channel.name in facts.loops_ma:
        name, why, then = _loop(facts.loops_ma[channel.name])
    if channel.gone:
        yield Finding(name, FAULT, f"{channel.name} has no value: {why}.", then, channel.name)
    elif len(gone) >= 10 * RECENT and gone.mean() > OFTEN:
        yield Finding(
            "sensor.intermittent", WARNING,
            f"{channel.name} has no value in {gone.mean():.0%} of the newest records.",
            f"A loose contact? {then}", channel.name,
        )  # fmt: skip


def _thermometer(silent: int, power_ons: int) -> tuple[str, str, str] | None:
    """Tell what the node counted on its 1-Wire buses, where some of it are power-ons."""
    if not power_ons:
        return None
    if silent:
        why = (
            f"its probe answered {power_ons} times with the 85 degC of its power-on, and {silent}"
            " times not at all"
        )
    else:
        why = "its probe answers with the 85 degC of its power-on alone"
    then = (
        "Its supply breaks down while it converts: measure 3.0 V or more at the probe, with all"
        " three wires connected, and look for a long or corroded cable."
    )
    return "sensor.power-on", why, then


def _loop(ma: float) -> tuple[str, str, str]:
    """What a current says that is no measurement (NAMUR NE43)."""
    if ma < DEAD_MA:
        return (
            "sensor.loop-broken",
            "no current flows in its loop",
            "A broken wire, a wrong terminal, or a transmitter without supply: measure 24 V at it.",
        )
    if ma < 4:
        return (
            "sensor.loop-low",
            f"its loop carries {ma:.1f} mA, with which a transmitter says fault",
            "Look at the transmitter: its own display or manual says which fault that is.",
        )
    return (
        "sensor.loop-high",
        f"its loop carries {ma:.1f} mA, with which a transmitter says fault",
        "Look at the transmitter, and for a short circuit between its two wires.",
    )


def _absurd(channel: ChannelSamples, facts: NodeFacts) -> Iterator[Finding]:
    limits = PLAUSIBLE.get(channel.column.unit)
    if limits is None or not len(channel.values):
        return
    recent = channel.values[-10 * RECENT :]
    beyond = (recent < limits[0]) | (recent > limits[1])
    if beyond.mean() > OFTEN:
        yield Finding(
            "sensor.range", FAULT,
            f"{channel.name} reads {recent[beyond][-1]:g} {channel.column.unit}, which water"
            " cannot be.",
            "Check the scale in the config, then the probe: dry, in the wrong place, or worn out?",
            channel.name,
        )  # fmt: skip


def _unusual(channel: ChannelSamples, facts: NodeFacts) -> Iterator[Finding]:
    limits = USUAL.get(channel.column.unit)
    if limits is None or channel.name.startswith("board") or not len(channel.values):
        return
    recent = channel.values[-10 * RECENT :]
    beyond = (recent < limits[0]) | (recent > limits[1])
    if beyond.mean() > 0.5:
        yield Finding(
            "sensor.unusual", WARNING,
            f"{channel.name} reads {recent[beyond][-1]:g} {channel.column.unit}: drinking water"
            f" hardly ever leaves {limits[0]:g} to {limits[1]:g}.",
            "Compare it with a hand-held meter at once. If the water is so, tell the office; if"
            " not, clean and calibrate the probe.",
            channel.name,
        )  # fmt: skip


def _battery(channel: ChannelSamples, facts: NodeFacts) -> Iterator[Finding]:
    if channel.column.unit != "V" or "batt" not in channel.name or not len(channel.values):
        return
    volts = float(np.median(channel.values[-RECENT:]))
    if volts < LOW_BATTERY_V:
        yield Finding(
            "battery.low", FAULT, f"The battery is at {volts:.1f} V.",
            "Check the charger or the solar panel; change the battery if it does not hold.",
            channel.name,
        )  # fmt: skip


def _suspect(channel: ChannelSamples, facts: NodeFacts) -> Iterator[Finding]:
    doubtful = (channel.flags == SUSPECT).mean()
    if len(channel.flags) >= 10 * RECENT and doubtful > OFTEN:
        yield Finding(
            "sensor.suspect", WARNING,
            f"{channel.name} is suspect in {doubtful:.0%} of the newest records: at the edge of"
            " what the sensor measures, or against the limits of its config.",
            "Compare it with a hand-held meter; check range and limits in the config.",
            channel.name,
        )  # fmt: skip


def _noisy(channel: ChannelSamples, facts: NodeFacts) -> Iterator[Finding]:
    span = _span(channel)
    if span is None or len(channel.values) < NOISY_VALUES:
        return
    recent = channel.values[-10 * NOISY_VALUES :]
    # Second differences: a steady rise is no noise.
    jump = float(np.median(np.abs(np.diff(recent, 2)))) / 2
    if jump > NOISY * span:
        yield Finding(
            "sensor.noisy", WARNING,
            f"{channel.name} jumps by about {jump:.3g} {channel.column.unit} from record to"
            " record.",
            "Check shield and ground of its cable, and what runs beside it; ask for the `mean` of"
            " more samples.",
            channel.name,
        )  # fmt: skip


def _span(channel: ChannelSamples) -> float | None:
    """What the sensor can tell apart, end to end, in its unit."""
    entry: dict[str, Any] = channel.column.channel
    if channel.column.sensor == "current":
        return float(abs(entry["high"] - entry["low"]) / channel.column.scale)
    limits = PLAUSIBLE.get(channel.column.unit)
    return min(limits[1] - limits[0], 100.0) if limits else None


def _stuck(channel: ChannelSamples, facts: NodeFacts) -> Iterator[Finding]:
    if channel.column.sensor in format_columns.COUNTING or channel.column.unit == "V":
        return
    values = channel.values
    changes = np.nonzero(np.diff(values))[0]
    same = len(values) - (int(changes[-1]) + 1 if len(changes) else 0)
    still_s = same * channel.column.step_ms / 1000
    if same >= STUCK_VALUES and still_s >= STUCK_S:
        yield Finding(
            "sensor.stuck", WARNING,
            f"{channel.name} has been exactly {values[-1]:g} {channel.column.unit} for"
            f" {duration(still_s)}.",
            "Is the probe in the water, its valve open, its tube clean? Compare it with a"
            " hand-held meter.",
            channel.name,
        )  # fmt: skip


def _no_flow(channel: ChannelSamples, facts: NodeFacts) -> Iterator[Finding]:
    if channel.column.sensor not in format_columns.COUNTING or channel.column.what != "value":
        return
    values = channel.values
    moved = np.nonzero(values)[0]
    still = len(values) - (int(moved[-1]) + 1 if len(moved) else 0)
    still_s = still * channel.column.step_ms / 1000
    pressure = _pressure(facts, still_s)
    long = still >= STUCK_VALUES and still_s >= STUCK_S
    pressed = still >= PRESSED_VALUES and still_s >= PRESSED_S and pressure
    if long or pressed:
        yield Finding(
            "sensor.no-pulses", WARNING,
            f"{channel.name} has counted nothing for {duration(still_s)}{pressure}.",
            "Does water flow? Then check the meter's contact and its cable; open a tap and watch"
            " `tirta monitor` for its pulses.",
            channel.name,
        )  # fmt: skip


def _pressure(facts: NodeFacts, seconds: float) -> str:
    """` at 40 m of pressure`, where a sensor says that there was some in the last seconds."""
    for other in channels(facts):
        least = PRESSED.get(other.column.unit)
        if least is None or quantities.of(other.column) != "pressure":
            continue
        recent = other.values[-max(1, int(seconds * 1000 / other.column.step_ms)) :]
        if len(recent) and float(np.median(recent)) >= least:
            return f" at {float(np.median(recent)):.3g} {other.column.unit} of pressure"
    return ""


RULES = (sensors,)
