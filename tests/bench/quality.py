# SPDX-License-Identifier: MIT
"""Precision and recall of the node's quality tests on two series that people labelled.

Limits come from the first third of a series, as it is or without what is labelled there, by one
rule for every column, and are judged on the rest: a range a quarter wider, rate and spike limits
twice their 99.9 % quantile, and a flat line four times the longest one. Beside them stand the rule
that everybody knows, three standard deviations from the mean of the same first third, and the flags
of ioos-qc with the same limits.
Run it: `python tests/bench/quality.py`; `make bench` has the figures of the first kind of limits.
"""

import csv
import importlib
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from figures import Figures, Say
from judged import judged
from numpy.typing import NDArray

DATA = Path(__file__).resolve().parents[3] / "shared/data"
SCALE = 1000
FIRST = 3  # a third
LONGEST_FLAT = 240  # samples, as the node's rules say
SIGMAS = 3
GECCO = ("Tp", "Cl", "pH", "Redox", "Leit", "Trueb", "Cl_2", "Fm", "Fm_2")
SANDY = ("Level", "Cond", "Tur")
NONE, BAD = 1, (3, 4)
MISSING = 9
Bools = NDArray[np.bool_]
Limits = dict[str, Any]
Series = list[int | None]


def column(rows: list[dict[str, str]], name: str) -> Series:
    """Scaled integers, as a channel has them."""
    texts = [row[name] for row in rows]
    return [round(float(x) * SCALE) if x not in {"", "NA", "nan"} else None for x in texts]


def limits(series: Series) -> Limits:
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


def first_third(series: Series, labels: Bools, clean: bool) -> Series:
    """What limits are made of."""
    split = len(series) // FIRST
    return [
        None if bad and clean else x for x, bad in zip(series[:split], labels[:split], strict=True)
    ]


def flagged(series: Series, labels: Bools, clean: bool) -> Bools:
    """Which samples behind the first third the tests doubt."""
    flags = judged(series, **limits(first_third(series, labels, clean)))
    return np.isin(flags[len(series) // FIRST :], BAD)


def far_off(series: Series, labels: Bools) -> Bools:
    """Which of them three standard deviations doubt."""
    x = np.array([np.nan if v is None else v for v in series], dtype=float)
    split = len(series) // FIRST
    off = np.abs(x - np.nanmean(x[:split])) > SIGMAS * np.nanstd(x[:split])
    return np.asarray(off[split:])


def peer_flags(series: Series, found: Limits) -> NDArray[np.uint8]:
    """The worst of what ioos-qc's tests say; one that could not be made says nothing."""
    qartod = importlib.import_module("ioos_qc.qartod")  # large, and for this alone
    x = np.array([np.nan if v is None else v for v in series], dtype=float)
    seconds = np.arange(len(x))
    told = [
        qartod.gross_range_test(x, (-np.inf, np.inf), found["suspect"]),
        qartod.rate_of_change_test(x, seconds, found["rate"]),
        qartod.spike_test(x, *found["spike"]),
    ]
    if "flat" in found:
        tolerance, suspect, fail = found["flat"]
        told.append(qartod.flat_line_test(x, seconds, suspect, fail, tolerance))
    bad = [np.where(np.isin(np.ma.filled(f, MISSING), BAD), f, NONE) for f in told]
    worst = np.max(bad, axis=0).astype(np.uint8)
    return np.asarray(np.where(np.isnan(x), np.uint8(MISSING), worst))


def scores(found: Bools, labels: Bools) -> tuple[float, float, float]:
    """Precision, recall and their harmonic mean, by samples."""
    hits = float((found & labels).sum())
    precision = hits / max(1, int(found.sum()))
    recall = hits / max(1, int(labels.sum()))
    return precision, recall, 2 * hits / max(1, int(found.sum() + labels.sum()))


def compared(name: str, found: Bools, far: Bools, labels: Bools) -> Figures:
    """Our scores over those of three standard deviations, where these found anything at all."""
    words = ("precision", "recall", "f1")
    pairs = zip(words, scores(found, labels), scores(far, labels), strict=True)
    return {f"quality.{name}_{word}_vs_3sigma": ours / its for word, ours, its in pairs if its}


def gecco() -> tuple[dict[str, Series], Bools]:
    """The nine columns, and which minutes somebody labelled."""
    with (DATA / "gecco2018/gecco2018_train_30d.csv").open() as file:
        rows = list(csv.DictReader(file))
    labels = np.array([row["EVENT"] == "1" for row in rows])
    return {name: column(rows, name) for name in GECCO}, labels


def sandy() -> Iterator[tuple[str, Series, Bools]]:
    """Each column with its labels."""
    with (DATA / "oddwater_sandy/sandy_labelled.csv").open() as file:
        rows = list(csv.DictReader(file))
    for name in SANDY:
        labels = np.array([row[f"label_{name}"] == "1" for row in rows])
        yield name, column(rows, name), labels


def measure(say: Say) -> Figures:
    """Nothing where the data is absent; no agreement where ioos-qc is."""
    if not DATA.is_dir():
        say("not measured, ../shared/data is absent")
        return {}
    columns, labels = gecco()
    behind = labels[len(labels) // FIRST :]
    each = [flagged(series, labels, clean=False) for series in columns.values()]
    far = np.any([far_off(series, labels) for series in columns.values()], axis=0)
    found = np.any(each, axis=0)
    say(told("gecco2018, any column", found, behind))
    say(told("three standard deviations", far, behind))
    figures = compared("gecco2018", found, far, behind)
    try:
        figures["quality.flags_as_ioos_qc"] = agreement(list(columns.values()), labels)
    except ImportError:
        say("ioos-qc is not installed: its flags are not compared")
    return figures


def agreement(columns: list[Series], labels: Bools) -> float:
    """The share of samples with the flag that ioos-qc gives them. They differ behind long gaps,
    where ioos-qc takes the missing values for a flat line.
    """
    same = total = 0
    for series in columns:
        found = limits(first_third(series, labels, clean=False))
        equal = judged(series, **found) == peer_flags(series, found)
        same, total = same + int(equal.sum()), total + len(equal)
    return same / total


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
    for name, series, labels in sandy():
        found = flagged(series, labels, clean)
        behind = labels[len(labels) // FIRST :]
        sys.stdout.write(told(f"oddwater_sandy {name}", found, behind) + "\n")
    columns, labels = gecco()
    found = np.any([flagged(series, labels, clean) for series in columns.values()], axis=0)
    behind = labels[len(labels) // FIRST :]
    sys.stdout.write(told("gecco2018, any column", found, behind) + "\n")


if __name__ == "__main__":
    sys.exit(main())
