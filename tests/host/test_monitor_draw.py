# SPDX-License-Identifier: MIT
"""Numbers as characters: no peak hides, a gap is a gap, and nothing is wider than its place."""

import math

from generated import given
from hypothesis import strategies as st

from tirta.monitor.draw import BLOCKS, GAP, bar, chart, number, spark

NUMBERS = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(math.nan)), max_size=300)


def test_shape_of_a_rise() -> None:
    assert spark(range(8), 8) == BLOCKS
    assert spark([1, math.nan, 2], 5) == f"{BLOCKS[0]}{GAP}{BLOCKS[-1]}"
    assert spark([5, 5, 5], 3) == BLOCKS[0] * 3
    assert chart([0, 1], 2, 2) == [f" {BLOCKS[-1]}", f"{BLOCKS[0]}{BLOCKS[-1]}"]


def test_one_peak_among_many_is_drawn() -> None:
    values = [0.0] * 239 + [9.0] + [0.0]
    assert BLOCKS[-1] in spark(values, 20)
    assert chart(values, 20, 3)[0].strip() == BLOCKS[-1]


@given(NUMBERS, st.integers(1, 80), st.integers(1, 6))
def test_nothing_is_wider_than_its_place(values: list[float], width: int, height: int) -> None:
    assert len(spark(values, width)) <= width
    lines = chart(values, width, height)
    assert [len(line) for line in lines] == [width] * height


def test_numbers_and_shares() -> None:
    assert (number(None, 2), number(7.1, 2), number(-0.0456, 3)) == ("-", "7.10", "-0.046")
    assert (bar(0, 4), bar(0.5, 4), bar(7, 4)) == ("░░░░", "██░░", "████")
