# SPDX-License-Identifier: MIT
"""The wide table as an Excel workbook: a sheet a node, flags as colours, times as Excel's own.

Written row by row, so that a year needs no more memory than a month.
"""

import re
from pathlib import Path

import numpy as np
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from tirta import __version__
from tirta.errors import TirtaError
from tirta.exports import wide
from tirta.exports.selection import Selection
from tirta.exports.style import Style
from tirta.text import clean

_ROWS = 1_048_576  # of a sheet, Excel's limit
_NAME = 31  # letters of a sheet's name
_COLOURS = {3: "#FFE699", 4: "#F8A5A5", 2: "#DDEBF7"}  # suspect, failed, not evaluated
_MEANING = {3: "suspect", 4: "failed: do not use", 2: "not evaluated"}
_FIXED = ("Time quality", "Epoch", "Number")
_FIRST = 1 + len(_FIXED)  # column of the first channel
_TIME = "yyyy-mm-dd hh:mm:ss"


def write(path: Path, archive: Path, selection: Selection, style: Style) -> tuple[int, int]:
    """Write the workbook, and return (rows written, 0): nothing is left out."""
    rows = 0
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        about = book.add_worksheet("About")
        pen = _Pen(book, style)
        told = []
        for sheet in wide.sheets(archive, selection):
            found = _node(book, pen, sheet)
            told.append((sheet.name, sheet.node, found))
            rows += found
        _about(about, pen, told)
    return rows, 0


class _Pen:
    """The formats of a workbook, made once."""

    def __init__(self, book: xlsxwriter.Workbook, style: Style) -> None:
        self.style = style
        self.bold: Format = book.add_format({"bold": True, "bottom": 1, "text_wrap": True})
        self.time: Format = book.add_format({"num_format": _TIME})
        self.flags: dict[int, Format] = {
            flag: book.add_format({"bg_color": colour}) for flag, colour in _COLOURS.items()
        }
        self.names: set[str] = {"about"}
        self.time_title = _time_title(style)


def _time_title(style: Style) -> str:
    if not style.local_time:
        return "Time (UTC)"
    return f"Time ({style.zone.key})" if style.zone else "Time (of this computer)"


def _node(book: xlsxwriter.Workbook, pen: _Pen, sheet: wide.Sheet) -> int:
    """Write a node's sheets, a further one where Excel's rows end; return the rows."""
    rows = 0
    for block in sheet.blocks:
        time_us = block.time_us
        if pen.style.local_time:
            time_us = wide.local_us(time_us, pen.style.zone)
        for i, time in enumerate(wide.stamps(time_us)):
            line = 1 + rows % (_ROWS - 1)
            if line == 1:
                page = _page(book, pen, sheet)
            if time is not None:
                page.write_datetime(line, 0, time, pen.time)
            page.write_string(line, 1, block.quality[i])
            page.write_number(line, 2, int(block.epoch[i]))
            page.write_number(line, 3, int(block.number[i]))
            for at in np.flatnonzero(~np.isnan(block.values[i])).tolist():
                form = pen.flags.get(int(block.flags[i, at]))
                page.write_number(line, _FIRST + at, float(f"{block.values[i, at]:.9g}"), form)
            rows += 1
    return rows


def _page(book: xlsxwriter.Workbook, pen: _Pen, sheet: wide.Sheet) -> Worksheet:
    """A sheet with its titles."""
    page: Worksheet = book.add_worksheet(_free_name(sheet.name or sheet.node, pen.names))
    page.freeze_panes(1, 1)
    page.set_column(0, 0, 19)
    page.set_column(1, _FIRST - 1, 13)
    page.set_column(_FIRST, _FIRST + len(sheet.columns) - 1, 15)
    titles = [pen.time_title, *_FIXED, *(column.title for column in sheet.columns)]
    for at, title in enumerate(titles):
        page.write_string(0, at, title, pen.bold)
    return page


def _free_name(wanted: str, taken: set[str]) -> str:
    """A name that Excel allows and no sheet has; adds it to `taken`."""
    plain = re.sub(r"[\[\]:*?/\\]", " ", clean(wanted)).strip(" '") or "node"
    for number in range(1, 10_000):
        end = "" if number == 1 else f" ({number})"
        name = plain[: _NAME - len(end)] + end
        if name.lower() not in taken and name.lower() != "history":
            taken.add(name.lower())
            return name
    raise TirtaError(
        "An Excel workbook cannot hold so many nodes.", "Export fewer: --node N, --from, --until."
    )


def _about(page: Worksheet, pen: _Pen, told: list[tuple[str, str, int]]) -> None:
    """The first sheet: what the colours mean, and which nodes there are."""
    page.set_column(0, 0, 34)
    page.set_column(1, 1, 22)
    lines: list[tuple[str, str]] = [
        ("Made with", f"Tirta {__version__}"),
        ("Times", pen.time_title),
        ("A row", "one record; an empty cell was not measured"),
        ("Time quality", "unset: nobody knows when it was; holdover: kept by the node alone"),
    ]
    for line, (what, text) in enumerate(lines):
        page.write_string(line, 0, what, pen.bold)
        page.write_string(line, 1, text)
    line = len(lines) + 1
    for flag, meaning in _MEANING.items():
        page.write_string(line, 0, f"Flag {flag} (QARTOD)", pen.flags[flag])
        page.write_string(line, 1, meaning)
        line += 1
    line += 1
    for at, title in enumerate(("Node", "Identifier", "Records")):
        page.write_string(line, at, title, pen.bold)
    for name, node, rows in told:
        line += 1
        page.write_string(line, 0, clean(name))
        page.write_string(line, 1, node)
        page.write_number(line, 2, rows)
