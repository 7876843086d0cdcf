# SPDX-License-Identifier: MIT
"""A sheet of labels to print for a batch: one HTML file, A4, three in a row, to cut apart.

It needs no network and no other file: the QR codes are drawings in it.
"""

import csv
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

import segno

from tirta.errors import TirtaError
from tirta.files import atomic
from tirta.install.label import Label

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>
@page {{ size: A4; margin: 10mm }}
body {{ margin: 0; display: grid; grid-template-columns: repeat(3, 62mm); font: 8pt sans-serif }}
div {{ width: 62mm; height: 29mm; box-sizing: border-box; border: 1px dashed #999; display: flex;
      align-items: center; overflow: hidden; break-inside: avoid }}
svg {{ width: 27mm; height: 27mm; flex: none }}
p {{ margin: 0; overflow-wrap: anywhere }}
</style>
{labels}
</html>
"""


def of_report(path: Path) -> list[Label]:
    """Read the labels of what `tirta provision` made: its report, or the list that it was given."""
    report = path if path.name.endswith(".report.csv") else path.with_suffix(".report.csv")
    try:
        with report.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        found = [Label(r["node"], r["board"], r["firmware"], r["name"]) for r in rows if r["node"]]
    except FileNotFoundError as error:
        raise TirtaError(
            f"There is no {report}: `tirta provision` has not worked through that list yet.",
            "Make its nodes first: `tirta provision --batch FILE`; or name another list.",
        ) from error
    except (OSError, UnicodeDecodeError, csv.Error, KeyError) as error:
        raise TirtaError(
            f"Cannot read {report}.", "Name the list that `tirta provision` worked through."
        ) from error
    if not found:
        raise TirtaError(f"No node in {report} is done.", "Run `tirta provision` first.")
    return found


def write(labels: Sequence[Label], path: Path) -> Path:
    """Write the sheet."""
    drawn = "\n".join(_drawn(label) for label in labels)
    atomic.write(path, _PAGE.format(title=escape(path.stem), labels=drawn).encode())
    return path


def _drawn(label: Label) -> str:
    out = io.BytesIO()
    code = segno.make_qr(label.payload, error="m")
    code.save(out, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=3)
    lines = label.lines()
    text = "<br>".join([f"<b>{escape(lines[0])}</b>", *map(escape, lines[1:])])
    return f"<div>{out.getvalue().decode().strip()}<p>{text}</p></div>"
