# SPDX-License-Identifier: MIT
"""How fast the laptop opens a log: whole pages to arrays of records, on one core.

Compiled, it is what a pull and an export call, CRCs and meta records included; numba compiles
before the clock starts, and keeps what it compiled. The plain decoder must give the same.
"""

import importlib.util
import time
from collections.abc import Callable

import numpy as np
import product
from figures import Figures, Say
from numpy.typing import NDArray
from series import Series
from under_micropython import BenchError

from tirta.log.decode import decode
from tirta.log.page_records import KINDS, PageRecords
from tirta_format import page as format_page
from tirta_format import page_chunks

LEAST_S = 1.0  # of work on the clock
MANY = 100  # pages at once: a few are not worth compiled code
MONTH_VALUES = 30 * 86_400 * 8


def plain(pages: product.Pages) -> list[NDArray[np.int32]]:
    """The values of each page, by the decoder that needs nothing but Python."""
    found = []
    for _, data in pages:
        head = format_page.header(data)
        records = PageRecords(head, {}, fast=False)
        for kind, at, n in page_chunks.chunks(data, head.crc):
            if kind in KINDS:
                records.take(kind, data[at : at + n])
        if records.count:
            found.append(records.joined().values)
    return found


def values_per_s(work: Callable[[], object], values: int, least_s: float) -> float:
    """Work again and again for `least_s` of processor time, after once for nothing."""
    work()
    rounds, start = 0, time.process_time()
    while (spent := time.process_time() - start) < least_s:
        work()
        rounds += 1
    return rounds * values / spent


def measure(series: Series, say: Say, least_s: float = LEAST_S) -> Figures:
    """`decode.*`; without numba only the plain figure."""
    (logged,) = product.log(series)
    configs = [product.config_text(series)]
    turns = -(-MANY // len(logged.pages))
    many = logged.pages * turns
    figures: Figures = {}
    if importlib.util.find_spec("numba") is None:
        say("compiled: not measured, numba is not installed (pip install 'tirta[fast]')")
    else:
        found = decode(many, configs=configs).records
        if not all(map(np.array_equal, plain(logged.pages) * turns, (r.values for r in found))):
            raise BenchError("compiled and plain decoder differ")
        key = "decode.values_per_s"
        figures[key] = values_per_s(
            lambda: decode(many, configs=configs), turns * series.values, least_s
        )
        _tell("compiled", figures[key], say)
    key = "decode.plain_values_per_s"
    figures[key] = values_per_s(lambda: plain(logged.pages), series.values, least_s)
    _tell("plain Python", figures[key], say)
    return figures


def _tell(how: str, speed: float, say: Say) -> None:
    month_s = MONTH_VALUES / speed
    say(f"{how}: {speed:,.0f} values a second; a month of 8 channels at 1/s in {month_s:,.0f} s")
