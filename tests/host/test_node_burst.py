# SPDX-License-Identifier: MIT
"""The node's burst alarm on towns with weekdays, weekends, holidays and a season, of which it knows
the holidays alone. (`python tests/bench/burst_node.py` prints the whole table.)
"""

import numpy as np
import pytest
from burst_node import of_town, raised, week
from week_towns import town


def test_no_quiet_week_is_a_burst() -> None:
    assert [week(seed, 0.0)[1] for seed in range(200, 220)] == [0] * 20


def test_bursts_are_found_in_a_night_or_two() -> None:
    found = [week(seed, 2.0) for seed in range(200, 212)]
    delays = np.array([delay for delay, _ in found])
    assert not np.isnan(delays).any()
    assert (delays <= 24).sum() >= 11
    assert sum(wrong for _, wrong in found) == 0


@pytest.mark.parametrize("seed", range(200, 208))
def test_it_does_not_flap(seed: int) -> None:
    assert len(of_town(town(seed, 2.0))) == 1


def test_what_lasts_is_how_things_are() -> None:
    """A new consumer of 2 L/s: an alarm, and after four weeks none."""
    made = town(203, 0.0, days=80)
    pulses = made.pulses.copy()
    pulses[20 * 1440 :] += 12
    begun = raised(made.flow.time_s, pulses, None)
    assert len(begun) == 1
    assert 27 <= (begun[0][1] - begun[0][0]) / 86400 <= 29
