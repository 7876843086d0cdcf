# SPDX-License-Identifier: MIT
"""The node's quality tests against ioos-qc, the reference in Python, on the same series."""

from typing import Any

import numpy as np
import pytest
from generated import given, settings
from hypothesis import strategies as st
from judged import judged
from numpy.typing import NDArray

qartod = pytest.importorskip("ioos_qc.qartod", reason="ioos-qc is not installed")
MISSING = 9
UNKNOWN = 2


def as_floats(series: list[int | None]) -> NDArray[np.float64]:
    return np.array([np.nan if x is None else x for x in series], dtype=np.float64)


def told(flags: Any) -> NDArray[np.uint8]:
    """What ioos-qc says; a test that could not be made speaks neither for nor against a sample."""
    plain: NDArray[np.uint8] = np.ma.filled(flags, MISSING).astype(np.uint8)
    return np.where(plain == UNKNOWN, 1, plain)


level = st.integers(-40, 40)
some = st.lists(level, min_size=3, max_size=60)
with_gaps = st.lists(st.one_of(level, level, level, st.none()), min_size=3, max_size=60).filter(
    lambda series: any(x is not None for x in series)
)
span = st.tuples(level, level).map(lambda pair: (min(pair), max(pair)))


@settings(max_examples=60)
@given(series=with_gaps, suspect=span, margin=st.integers(0, 9))
def test_gross_range(series: list[int | None], suspect: tuple[int, int], margin: int) -> None:
    fail = suspect[0] - margin, suspect[1] + margin
    wanted = qartod.gross_range_test(as_floats(series), fail, suspect)
    assert (judged(series, fail=fail, suspect=suspect) == told(wanted)).all()


@settings(max_examples=60)
@given(series=with_gaps, suspect=st.integers(1, 20), more=st.integers(0, 20))
def test_spike(series: list[int | None], suspect: int, more: int) -> None:
    wanted = qartod.spike_test(as_floats(series), suspect, suspect + more)
    assert (judged(series, spike=(suspect, suspect + more)) == told(wanted)).all()


@settings(max_examples=60)
@given(series=with_gaps, rate=st.integers(0, 60))
def test_rate_of_change(series: list[int | None], rate: int) -> None:
    seconds = np.arange(len(series))
    wanted = qartod.rate_of_change_test(as_floats(series), seconds, rate)
    assert (judged(series, rate=rate) == told(wanted)).all()


@settings(max_examples=120)
@given(
    series=st.one_of(some, st.lists(st.integers(0, 3), min_size=3, max_size=90)),
    tolerance=st.integers(0, 5),
    suspect=st.integers(2, 6),
    more=st.integers(0, 12),
)
def test_flat_line(series: list[int | None], tolerance: int, suspect: int, more: int) -> None:
    seconds = np.arange(len(series))
    wanted = qartod.flat_line_test(as_floats(series), seconds, suspect, suspect + more, tolerance)
    found = judged(series, flat=(tolerance, suspect, suspect + more))
    assert (found == told(wanted)).all()
