# SPDX-License-Identifier: MIT
"""The library that the page carries is the one that was published, with its licence."""

from hashlib import sha256
from importlib.resources import files

PUBLISHED = {
    "uplot.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uplot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}


def test_uplot_is_as_published() -> None:
    assets = files("tirta.report") / "assets"
    for name, expected in PUBLISHED.items():
        first, _, rest = (assets / name).read_bytes().partition(b"\n")
        assert b"SPDX-License-Identifier: MIT" in first
        assert b"1.6.32" in first
        assert sha256(rest).hexdigest() == expected
    assert "Leon Sorokin" in (assets / "uplot.LICENSE").read_text(encoding="utf-8")
