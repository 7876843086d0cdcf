# SPDX-License-Identifier: MIT
"""Precision and recall of the node's quality tests on two series that people labelled.

Limits come from the first third of a series, as it is or without what is labelled there, by one
rule for every column, and are judged on the rest: a range a quarter wider, rate and spike limits
twice their 99.9 % quantile, and a flat line four times the longest one.
Run it: `python tests/bench/quality.py`.
"""

import csv
import sys
from itertools import groupby
from pathlib import Path

import numpy as np
from judged import judged
from numpy.typing import NDArray

DATA = Path(__file__).resolve().parents[3] / "shared/data"
SCALE = 1000
FIRST = 3  # a third
LONGEST_FLAT = 240  # samples, as the node's rules say
Bools = NDArray[np.bool_]


def column(rows: list[dict[str, str]], name: str) -> list[int | None]:
    """Scaled integers, as a channel has them."""
    texts = [row[name] for row in rows]
    return [round(float(x) * SCALE) if x not in {"", "NA", "nan"} else None for x in texts]


def limits(series: list[int | None]) -> dict[str, object]:
    """The rule above."""
    x = np.array([v for v in series if v is not None])
    room = int(np.ptp(x)) // 4 + 1
    span = int(x.min()) - room, int(x.max()) + room
    rate = int(np.quantile(np.abs(np.diff(x)), 0.999)) * 2 + 1
    apart = np.abs(x[1:-1] - (x[:-2] + x[2:]) / 2)
    spike = int(np.quantile(apart, 0.999)) * 2 + 1
    flat = max(len(list(run)) for _, run in groupby(x.tolist()))
    found = {"suspect": span, "rate": rate, "spike": (spike, 2 * spike)}
    if 4 * flat < LONGEST_FLAT:
        return {**found, "flat": (1, 4 * flat, LONGEST_FLAT)}
    return found


def flagged(series: list[int | None], labels: Bools, clean: bool) -> Bools:
    """Which samples behind the first third the tests doubt."""
    split = len(series) // FIRST
    known = [
        None if bad and clean else x for x, bad in zip(series[:split], labels[:split], strict=True)
    ]
    flags = judged(series, **limits(known))[split:]
    return np.asarray((flags == 3) | (flags == 4))


def told(name: str, found: Bools, labels: Bools) -> str:
    """Shares of samples, and of runs of labels in which at least one sample was flagged."""
    hits = int((found & labels).sum())
    edges = np.flatnonzero(np.diff(np.concatenate([[False], labels, [False]])))
    events = edges.reshape(-1, 2)
    seen = sum(bool(found[start:end].any()) for start, end in events)
    precision = f"{hits / found.sum():.2f}" if found.any() else "none flagged"
    recall = f"{hits / labels.sum():.2f}" if labels.any() else "none labelled"
    return (
        f"{name:24} precision {precision:14} recall {recall:14}"
        f" events {seen} of {len(events)}, flagged {int(found.sum())} of {len(found)}"
    )


def main() -> int:
    """Print a line for each series and kind of limits."""
    for clean in (False, True):
        sys.stdout.write(
            f"limits from a first third {'cleaned by its labels' * clean or 'as it is'}\n"
        )
        report(clean)
    return 0


def report(clean: bool) -> None:
    """Print a line for each series."""
    with (DATA / "oddwater_sandy/sandy_labelled.csv").open() as file:
        rows = list(csv.DictReader(file))
    split = len(rows) // FIRST
    for name in ("Level", "Cond", "Tur"):
        labels = np.array([row[f"label_{name}"] == "1" for row in rows])
        found = flagged(column(rows, name), labels, clean)
        sys.stdout.write(told(f"oddwater_sandy {name}", found, labels[split:]) + "\n")
    with (DATA / "gecco2018/gecco2018_train_30d.csv").open() as file:
        rows = list(csv.DictReader(file))
    split = len(rows) // FIRST
    names = ("Tp", "Cl", "pH", "Redox", "Leit", "Trueb", "Cl_2", "Fm", "Fm_2")
    labels = np.array([row["EVENT"] == "1" for row in rows])
    found = np.any([flagged(column(rows, name), labels, clean) for name in names], axis=0)
    sys.stdout.write(told("gecco2018, any column", found, labels[split:]) + "\n")


if __name__ == "__main__":
    sys.exit(main())
