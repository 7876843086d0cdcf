# SPDX-License-Identifier: MIT
"""Everything that the page says is said in both languages, with the same values in it."""

import re
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

import tirta.report
from tirta.report.language import Language

REPORT = Path(tirta.report.__file__).parent
JAKARTA = ZoneInfo("Asia/Jakarta")


def messages() -> Iterator[tuple[str, ...]]:
    """Every text in the code and the templates; a plural has two."""
    kinds = [
        ("python", REPORT.glob("*.py"), {"text": None, "plural": (1, 2)}),
        ("jinja2.ext:babel_extract", REPORT.glob("assets/*.j2"), {"_": None, "ngettext": (1, 2)}),
    ]
    for method, paths, keywords in kinds:
        for path in sorted(paths):
            for _, text, _, _ in extract_from_file(method, path, keywords=keywords):
                yield text if isinstance(text, tuple) else (text,)


def test_every_text_is_translated_and_none_is_left_over() -> None:
    with (REPORT / "locale/id/tirta.po").open("rb") as file:
        catalogue = read_po(file, locale="id")
    said = {text[0]: text for text in messages()}
    known = {m.id if isinstance(m.id, str) else m.id[0]: m.string for m in catalogue if m.id}
    assert set(said) == set(known)
    for name, string in known.items():
        values = set(re.findall(r"%\(\w+\)s", "".join(said[name])))
        assert string
        text = string if isinstance(string, str) else string[0]
        assert text
        assert set(re.findall(r"%\(\w+\)s", text)) == values, name


def test_numbers_plurals_and_dates_are_those_of_the_language() -> None:
    english, indonesian = (Language(code, JAKARTA) for code in ("en", "id"))
    assert (english.number(1234.5), indonesian.number(1234.5)) == ("1,234.5", "1.234,5")
    assert english.plural("%(num)s night", "%(num)s nights", 1) == "1 night"
    assert english.plural("%(num)s night", "%(num)s nights", 7) == "7 nights"
    assert indonesian.plural("%(num)s night", "%(num)s nights", 7) == "7 malam"
    assert indonesian.time(1_742_697_420.0, "d MMMM y HH:mm") == "23 Maret 2025 09:37"
    assert english.duration(5 * 3600) == "5.0 hours"


def test_a_share_that_was_not_reached_is_never_called_all() -> None:
    words = Language("en", JAKARTA)
    assert words.percent(1.0) == "100.0%"
    assert words.percent(0.99999) == "99.9%"
