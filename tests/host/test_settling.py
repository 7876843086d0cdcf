# SPDX-License-Identifier: MIT
"""When a probe has settled: electrodes that come near their value, drift, scatter, warm up."""

import numpy as np
import pytest
from generated import given, settings
from hypothesis import strategies as st

from tirta.calibrate.settling import LEAST_READINGS, WINDOW_S, ProbeReading, look, window

END_UV = 1_500_000.0


def settles(readings: list[ProbeReading]) -> ProbeReading | None:
    """The reading at which somebody who watches them come would stop."""
    for n in range(len(readings)):
        seen = look(readings[: n + 1])
        if seen and not seen.unrest:
            return ProbeReading(readings[n].at_s, seen.raw_uv, seen.celsius)
    return None


def electrode(tau_s: float, away_uv: float, every_s: float = 1.0) -> list[ProbeReading]:
    times = np.arange(0, 900, every_s)
    return [ProbeReading(t, END_UV + away_uv * float(np.exp(-t / tau_s))) for t in times]


@settings(max_examples=60)
@given(
    tau_s=st.floats(0.1, 30),
    away_uv=st.floats(-400_000, 400_000),
    every_s=st.floats(0.2, 20),
)
def test_an_electrode_is_taken_at_its_end(tau_s: float, away_uv: float, every_s: float) -> None:
    found = settles(electrode(tau_s, away_uv, every_s))
    assert found
    assert abs(found.raw_uv - END_UV) < 2_000


def test_ten_readings_that_agree_are_not_enough() -> None:
    readings = electrode(60, 300_000)
    agreed = next(
        i for i in range(10, 900) if abs(readings[i].raw_uv - readings[i - 9].raw_uv) < 3_000
    )
    assert readings[agreed].raw_uv - END_UV > 12_000  # 0.07 pH behind an amplification of 3
    found = settles(readings)
    assert found
    assert found.raw_uv - END_UV < 4_000


@pytest.mark.parametrize(
    ("series", "why"),
    [
        (lambda t: END_UV + 100 * t, "drifts by +1.5 mV in 15 s"),
        (lambda t: END_UV + 20_000 * np.sin(t / 3), "it "),
        (lambda t: END_UV + 30_000 * (t % 23 == 0), "it "),
    ],
)
def test_what_never_settles(series: object, why: str) -> None:
    readings = [ProbeReading(float(t), float(series(t))) for t in range(300)]  # type: ignore[operator]
    assert settles(readings) is None
    found = look(readings)
    assert found
    assert why in found.unrest


def test_the_noise_of_a_converter_is_accepted() -> None:
    noise = np.random.default_rng(7).normal(0, 1_500, 400)
    found = settles([ProbeReading(float(t), END_UV + noise[t]) for t in range(400)])
    assert found
    assert found.at_s < 2 * WINDOW_S
    assert abs(found.raw_uv - END_UV) < 1_500


def test_a_buffer_that_still_warms_up_is_waited_for() -> None:
    readings = [ProbeReading(float(t), END_UV, min(25.0, 15 + t / 25)) for t in range(400)]
    found = settles(readings)
    assert found
    assert found.at_s > 200
    assert found.celsius == pytest.approx(25, abs=0.2)
    assert "temperature moves by +0.6 degC" in look(readings[:100]).unrest  # type: ignore[union-attr]


def test_a_window_is_long_and_has_readings_enough() -> None:
    dense = [ProbeReading(t / 10, 0.0) for t in range(295)]
    assert not window(dense)
    sparse = [ProbeReading(t * 20.0, 0.0) for t in range(LEAST_READINGS)]
    assert not window(sparse[1:])
    assert len(window(sparse)) == LEAST_READINGS
    many = [ProbeReading(float(t), 0.0) for t in range(200)]
    assert window(many)[0].at_s == 199 - WINDOW_S
