# SPDX-License-Identifier: MIT
"""What small durable appends do to the flash: the product's log, and LittleFS beside it.

LittleFS copies the block that it appends to, so that its cost falls with the size of an append:
the comparison says little without that size.
"""

import json

from figures import Figures, Say
from under_micropython import run

BLOCKS, BYTES = 384, 1_280_000  # a file as large as the log of a 4 MB board
SIZES = (64, 256, 768)
SMALL_BLOCKS, WRAPS = 16, 21
_KINDS = ("programmed", "erased")


def measure(say: Say, blocks: int = BLOCKS, payload: int = BYTES, wraps: int = WRAPS) -> Figures:
    """`wear.*`: ratios from whole turns of a small ring, gains from the same appends."""
    arguments = f"{blocks}, {payload}, {SIZES}, {SMALL_BLOCKS}, {wraps}"
    told = json.loads(run(f"import bench_wear\nbench_wear.main({arguments})"))
    ratios = {
        name: {kind: one[kind] / one["payload"] for kind in _KINDS} for name, one in told.items()
    }
    say(f"{payload:,} bytes in durable appends: bytes per byte      programmed    erased")
    for size in SIZES:
        _line(say, f"VfsLfs2, {size} bytes, each flushed", ratios[f"lfs2_{size}"])
        _line(say, f"Tirta, notes of {size} bytes in the log", ratios[f"ours_{size}"])
    _line(
        say, f"Tirta, {SIZES[0]} bytes, {wraps} times around {SMALL_BLOCKS} pages", ratios["wraps"]
    )
    figures: Figures = {
        "wear.programmed_ratio": ratios["wraps"]["programmed"],
        "wear.erased_ratio": ratios["wraps"]["erased"],
        "wear.erase_spread": told["wraps"]["spread"],
    }
    for size in SIZES:
        at = "" if size == SIZES[0] else f"_{size}"
        for kind in _KINDS:
            gain = ratios[f"lfs2_{size}"][kind] / ratios[f"ours_{size}"][kind]
            figures[f"wear.{kind}_gain_vs_lfs2{at}"] = gain
    return figures


def _line(say: Say, label: str, one: dict[str, float]) -> None:
    say(f"  {label:47}{one['programmed']:12.3f}{one['erased']:10.3f}")
