# SPDX-License-Identifier: MIT
"""Limits are data: every one cites a source, and a wrong file is refused with its reason."""

from pathlib import Path

import numpy as np
import pytest

from tirta.errors import TirtaError
from tirta.water.limits import SHIPPED, load


def test_every_shipped_limit_cites_a_dated_source() -> None:
    limits = load()
    assert {"ph", "turbidity", "tds", "temperature", "chlorine"} <= set(limits.parameters())
    for limit in limits.limit:
        source = limits.source[limit.source]
        assert source.title
        assert source.seen == "original" or source.via
        assert source.year <= limits.checked.year


def test_the_ends_of_a_range_count_as_the_source_says() -> None:
    limits = load()
    ph = limits.of("ph", "pH")[0]
    assert ph.kept(np.array([6.49, 6.5, 8.5, 8.51, np.nan])).tolist() == [
        False, True, True, False, False,
    ]  # fmt: skip
    turbidity = limits.of("turbidity", "NTU")[0]
    assert turbidity.kept(np.array([2.99, 3.0])).tolist() == [True, False]
    assert limits.of("ph", "mV") == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('source = "who_gdwq"', 'source = "nobody"', "no [source.nobody]"),
        ("low = 6.5", "low = 9.5", "low must be below high"),
        ("low = 6.5", "lowest = 6.5", "limit.1.lowest"),
        ("version = 1", "version =", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(SHIPPED.read_text().replace(old, new))
    with pytest.raises(TirtaError) as refused:
        load(path)
    assert told in refused.value.what
    assert refused.value.hint


def test_a_missing_file_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(TirtaError, match="Cannot read"):
        load(tmp_path / "none.toml")
