# SPDX-License-Identifier: MIT
"""Numbers as people write them, wherever a command takes one."""

from argparse import ArgumentParser

import pytest
from generated import given
from hypothesis import strategies as st

from tirta.cli import build_parser, main
from tirta.text import numbers


@given(st.integers(-999, 999), st.integers(0, 99), st.integers(1, 2))
def test_a_comma_is_a_point_where_it_can_mean_nothing_else(
    whole: int, part: int, digits: int
) -> None:
    point = f"{whole}.{part:0{digits}d}"
    assert numbers.number(point.replace(".", ",")) == numbers.number(point) == float(point)


@pytest.mark.parametrize("text", ["1,413", "-12,000", "x", "", "inf", "nan", "4,0,1", "1.000,5"])
def test_what_may_mean_two_things_or_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write one of these|not a"):
        numbers.number(text)


def test_every_number_of_every_command_takes_a_comma_or_says_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No option has a bare int or float, whose messages are for programmers."""
    parsers: dict[str, ArgumentParser] = dict(build_parser()[1])
    bare = [
        (name, action.dest)
        for name, parser in parsers.items()
        for action in parser._actions
        if action.type in {int, float}
    ]
    assert bare == []
    for given_, told in (("4,01", "nowhere"), ("4,010", "4.010 or 4010"), ("x", "not a number")):
        words = ["calibrate", "/dev/nowhere", "ph", "--method", "1-point", "--reference", given_]
        assert run(words) in {1, 2}
        assert told in capsys.readouterr().err
    assert run(["status", "/dev/nowhere", "--baud", "9600,5"]) == 2
    assert "not a whole number" in capsys.readouterr().err


def run(words: list[str]) -> int:
    """The exit code."""
    try:
        return main(words)
    except SystemExit as end:
        return int(str(end.code))
