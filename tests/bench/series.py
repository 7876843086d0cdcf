# SPDX-License-Identifier: MIT
"""Measured series of other people as integer records, from `../shared/data`.

Words: a *series* is one or more *blocks* that follow each other in one log; the *slot* of a record
comes from its own time stamp, so a second that the source left out is left out here too. A missing
value has the flag 9 and holds the value before it (no encoding has to store it; for the peers,
which have no flags, that is the cheapest choice).
"""

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
GOOD, MISSING = 1, 9
NO_VALUE = {"", "NULL", "NA"}
SENTINEL = -9999  # what the loggers of the Logan River Observatory write for a missing value

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """Row i of each array is one record."""

    slots: Ints
    values: Ints
    flags: NDArray[np.uint8]


@dataclass(frozen=True)
class Series:
    """`scales[c]` is what one unit of channel c is as an integer; `counted` are the channels whose
    totals a node keeps.
    """

    name: str
    scales: tuple[int, ...]
    blocks: tuple[Block, ...]
    counted: tuple[int, ...] = ()

    @property
    def channels(self) -> int:
        return len(self.scales)

    @property
    def records(self) -> int:
        return sum(len(block.slots) for block in self.blocks)

    @property
    def values(self) -> int:
        return self.records * self.channels

    def joined(self) -> Block:
        """All blocks as one: each begins in the slot after the block before."""
        slots, start = [], 0
        for block in self.blocks:
            slots.append(block.slots + start)
            start += int(block.slots[-1]) + 1
        return Block(
            np.concatenate(slots),
            np.concatenate([block.values for block in self.blocks]),
            np.concatenate([block.flags for block in self.blocks]),
        )

    def first(self, records: int) -> "Series":
        """A shorter series, for tests."""
        whole = self.joined()
        cut = Block(whole.slots[:records], whole.values[:records], whole.flags[:records])
        return Series(self.name, self.scales, (cut,), self.counted)

    def times(self, turns: int) -> "Series":
        """The same blocks again and again."""
        return Series(self.name, self.scales, self.blocks * turns, self.counted)


def _stamp_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _read(
    path: Path,
    columns: dict[str, int],
    time: tuple[str, float, Callable[[str], float]],
    delimiter: str = ",",
) -> Block:
    """`time` is (column, seconds between two slots, how to read a stamp as seconds)."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file, delimiter=delimiter))
    stamp, interval_s, seconds = time
    times = [seconds(row[stamp]) for row in rows]
    slots = [round((t - times[0]) / interval_s) for t in times]
    if any(b <= a for a, b in pairwise(slots)):
        raise ValueError(f"{path.name}: two rows fall into one slot of {interval_s} s")
    held, flags = [], []
    for name, scale in columns.items():
        texts = [row[name] for row in rows]
        missing = [text in NO_VALUE or float(text) == SENTINEL for text in texts]
        held.append(_hold(texts, missing, scale))
        flags.append([MISSING if gone else GOOD for gone in missing])
    return Block(
        np.array(slots, np.int64),
        np.array(held, np.int64).T.copy(),
        np.array(flags, np.uint8).T.copy(),
    )


def _hold(texts: list[str], missing: list[bool], scale: int) -> list[int]:
    last, out = 0, []
    for text, gone in zip(texts, missing, strict=True):
        if not gone:
            last = math.floor(float(text) * scale + 0.5)
        out.append(last)
    return out


def _lro() -> Series:
    columns = {"temp": 100, "cond": 10, "ph": 100, "do": 100, "turb": 100, "stage": 100}
    path = DATA / "lro_mainstreet/MainStreet2020.csv"
    block = _read(path, columns, ("datetime", 900, _stamp_s))
    return Series("lro_mainstreet", tuple(columns.values()), (block,))


def _wntr() -> Series:
    columns = {"pulses": 1, "p_inlet_m": 100, "p_critical_m": 100}
    block = _read(DATA / "wntr_dma/dma_dev.csv", columns, ("minute", 1, float))
    return Series("wntr_dma", tuple(columns.values()), (block,), counted=(0,))


def _skab() -> Series:
    columns = {
        "Accelerometer1RMS": 10000,
        "Accelerometer2RMS": 10000,
        "Current": 1000,
        "Pressure": 1000,
        "Temperature": 100,
        "Thermocouple": 100,
        "Voltage": 10,
        "Volume Flow RateRMS": 10,
    }
    files = ("valve1_0.csv", "other_1_leak.csv")
    blocks = [_read(DATA / "skab" / f, columns, ("datetime", 1, _stamp_s), ";") for f in files]
    return Series("skab", tuple(columns.values()), tuple(blocks))


def _gecco() -> Series:
    columns = {
        "Tp": 10,
        "Cl": 100,
        "pH": 100,
        "Redox": 1,
        "Leit": 1,
        "Trueb": 1000,
        "Cl_2": 1000,
        "Fm": 1,
        "Fm_2": 1,
    }
    path = DATA / "gecco2018/gecco2018_train_30d.csv"
    return Series("gecco", tuple(columns.values()), (_read(path, columns, ("Time", 60, _stamp_s)),))


_LOADERS = {"lro_mainstreet": _lro, "wntr_dma": _wntr, "skab": _skab, "gecco": _gecco}
NAMES = tuple(_LOADERS)


def load(name: str) -> Series | None:
    """The series, or None where its data is not beside the checkout."""
    try:
        return _LOADERS[name]()
    except FileNotFoundError:
        return None
