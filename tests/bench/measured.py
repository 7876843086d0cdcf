# SPDX-License-Identifier: MIT
"""docs/MEASURED.md: what was measured, when, at which commit and on which computer.

Whoever measures leaves a section in build/measured (`keep`); `make measured`, which `make bench`
and `make campaign` call at their end, brings them into the page. A section that was not measured
again stays as it is, with its own date and commit.
"""

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs/MEASURED.md"
FOLDER = CHECKOUT / "build/measured"

# The sections, in the order of the page: what each is called, and the command that measures it.
SECTIONS = {
    "figures": ("Figures and their goals", "make bench"),
    "bench": ("What they are made of", "make bench"),
    "bursts": ("Bursts: generated towns, and a year of L-Town", "make district"),
    "replays": ("Bursts: other orders of leaks in that year", "make district"),
    "sensitivity": ("Bursts: every parameter a quarter smaller and larger", "make district"),
    "node_bursts": ("Bursts, by the node alone", "make district"),
    "size": ("Flash and heap", "make size"),
    "cuts": ("Power cuts and flipped bits", "make campaign"),
    "flash": ("A flash that errs", "make campaign"),
    "link": ("Pulls over bad lines", "make campaign"),
    "lies": ("Lies of a node", "make campaign"),
    "uplink": ("Faults of an uplink", "make campaign"),
    "checks": ("Longer checks", "make campaign"),
    "chip": ("MicroPython's own image on an emulated ESP32", "make test-chip"),
    "chip_quick": ("The same, its quick tests", "make test-chip-quick"),
    "chip_heap": ("The same, its free heap by kind of sensor", "make test-chip-heap"),
}
_HEAD = """\
# What was measured

Nothing on this page is typed: each section is as the command that it names left it. Why the figures
matter is in [firmware/DESIGN.md](../firmware/DESIGN.md) and [DISTRICT.md](DISTRICT.md). A ratio has
both its sides from one run. Instructions are those of unix MicroPython as callgrind counts them:
the same on each computer of a kind; seconds are not.
"""
_SECTION = re.compile(r"<!-- (\w+) -->\n.*?<!-- end of \1 -->\n", re.DOTALL)


def keep(section: str, body: Sequence[str], folder: Path = FOLDER) -> None:
    """Leave the lines of a section (Markdown) for the page, with what was measured on."""
    title, command = SECTIONS[section]
    lines = [f"<!-- {section} -->", f"## {title}", f"`{command}`, {conditions()}.", "", *body]
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join([*lines, f"<!-- end of {section} -->"])
    (folder / f"{section}.md").write_text(text + "\n", encoding="utf-8")


def conditions() -> str:
    """Date, commit, computer and how busy it is, in a line."""
    busy = f", load {os.getloadavg()[0]:.0f} at the end" if hasattr(os, "getloadavg") else ""
    changed = " with changes" if _git("status", "--porcelain") else ""
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit()[:10] or 'unknown'}{changed},"
        f" {platform.machine()}{_model()}, {os.cpu_count()} cores{busy},"
        f" Python {platform.python_version()}"
    )


def commit() -> str:
    """The whole name of the commit that is checked out; "" outside of git."""
    return _git("rev-parse", "HEAD")


def _git(*words: str) -> str:
    command = ["git", "-C", str(CHECKOUT), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _model() -> str:
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        return ""
    return f" ({found[1].strip()})" if found else ""


def text_block(lines: Sequence[str]) -> list[str]:
    """Lines as a program printed them."""
    return ["```text", *(line.rstrip() for line in lines), "```"]


def rows(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """A table of Markdown."""
    return [_row(head), _row(["---"] * len(head)), *map(_row, body)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def page(old: str, new: Mapping[str, str]) -> str:
    """The page with the new sections in place of the old ones."""
    sections = dict(_sections(old)) | dict(new)
    return "\n".join([_HEAD, *(sections[name] for name in SECTIONS if name in sections)])


def _sections(text: str) -> Iterator[tuple[str, str]]:
    for found in _SECTION.finditer(text):
        yield found[1], found[0]


def main() -> int:
    """Bring what lies in build/measured into the page."""
    new = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))}
    old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.write_text(page(old, new), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(CHECKOUT)}: {', '.join(new) or 'nothing new'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
