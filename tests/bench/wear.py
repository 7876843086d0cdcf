# SPDX-License-Identifier: MIT
"""What 64-byte durable appends do to the flash: the product's log, and LittleFS beside it."""

import json

from figures import Figures, Say
from under_micropython import run

BLOCKS, APPENDS = 384, 20_000  # a file of 1.28 MB, as the log of a 4 MB board
SMALL_BLOCKS, WRAPS = 16, 21


def measure(say: Say, blocks: int = BLOCKS, appends: int = APPENDS, wraps: int = WRAPS) -> Figures:
    """`wear.*`: ratios from whole turns of a small ring, gains from the same appends."""
    code = f"import bench_wear\nbench_wear.main({blocks}, {appends}, {SMALL_BLOCKS}, {wraps})"
    told = json.loads(run(code))
    ratios = {
        name: {kind: one[kind] / one["payload"] for kind in ("programmed", "erased")}
        for name, one in told.items()
    }
    say(f"{appends:,} durable appends of 64 bytes: bytes per byte    programmed    erased")
    for name, label in (
        ("lfs2", "VfsLfs2, append and flush"),
        ("ours", "Tirta, notes in the log"),
        ("wraps", f"Tirta, {wraps} times around {SMALL_BLOCKS} pages"),
    ):
        one = ratios[name]
        say(f"  {label:47}{one['programmed']:12.3f}{one['erased']:10.3f}")
    return {
        "wear.programmed_ratio": ratios["wraps"]["programmed"],
        "wear.erased_ratio": ratios["wraps"]["erased"],
        "wear.programmed_gain_vs_lfs2": ratios["lfs2"]["programmed"] / ratios["ours"]["programmed"],
        "wear.erased_gain_vs_lfs2": ratios["lfs2"]["erased"] / ratios["ours"]["erased"],
        "wear.erase_spread": told["wraps"]["spread"],
    }
