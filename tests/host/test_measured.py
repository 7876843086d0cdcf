# SPDX-License-Identifier: MIT
"""docs/MEASURED.md: commands that measure write it, section by section, and nobody else does."""

import re
from pathlib import Path

import measured
import pytest
from support import CHECKOUT


def test_a_section_says_what_measured_it_when_and_where(tmp_path: Path) -> None:
    measured.keep("link", measured.text_block(["10,000 pulls "]), tmp_path)
    text = (tmp_path / "link.md").read_text()
    assert "## Pulls over bad lines\n`make campaign`, 20" in text
    assert re.search(r"\d{4}-\d\d-\d\d, commit \w+.*, \d+ cores.*, Python 3\.", text)
    assert "```text\n10,000 pulls\n```" in text
    with pytest.raises(KeyError):
        measured.keep("mine", [], tmp_path)


def test_what_was_not_measured_again_stays(tmp_path: Path) -> None:
    for name, line in (("lies", "old"), ("cuts", "cut")):
        measured.keep(name, [line], tmp_path)
    first = measured.page(
        "", {name: (tmp_path / f"{name}.md").read_text() for name in ("lies", "cuts")}
    )
    assert first.index("cut\n") < first.index("old\n")  # in the order of the page
    measured.keep("lies", measured.rows(("a", "b"), [("1", "2")]), tmp_path)
    second = measured.page(first, {"lies": (tmp_path / "lies.md").read_text()})
    assert "cut\n" in second
    assert "old\n" not in second
    assert "| a | b |\n| --- | --- |\n| 1 | 2 |\n" in second
    assert measured.page(second, {}) == second


def test_the_page_is_as_the_commands_left_it() -> None:
    text = measured.PAGE.read_text(encoding="utf-8")
    assert measured.page(text, {}) == text, "docs/MEASURED.md was changed by hand: `make measured`"
    targets = re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    for _, command in measured.SECTIONS.values():
        assert command.removeprefix("make ") in targets
