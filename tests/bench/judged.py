# SPDX-License-Identifier: MIT
"""The node's quality tests on a series: the kernel itself, run plainly (plain_viper.py)."""

import sys
from array import array
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / folder) for folder in ("tests/support", "tests/both", "firmware")]

import plain_viper  # type: ignore[import-not-found]  # noqa: E402
import uctypes  # noqa: E402

quality = plain_viper.kernels("quality_viper")
WIDE = 0x3FFFFFFF
MISSING = 9
FLAGS = quality._VALUES_AT + 1  # one cell has this place, its limits lie behind it


def judged(series: list[int | None], **limits: Any) -> NDArray[np.uint8]:
    """Flags of a series, each at the place of its sample; the words are those of accounts.py."""
    spike = limits.get("spike")
    flat = limits.get("flat", (0, 0, 0))
    words = [0, *limits.get("fail", (-WIDE, WIDE)), *limits.get("suspect", (-WIDE, WIDE))]
    words += [limits.get("rate", WIDE), 1 if spike else 0, *(spike or (0, 0)), *flat]
    words += [0, 0, MISSING, *([0] * (5 + flat[2] + 1))]
    bench = array("i", [*([0] * FLAGS), 0, 1, *words])
    bench[quality._FLAGS_AT], bench[quality._QC_AT] = FLAGS, FLAGS + 1
    at = uctypes.addressof(bench)
    flag = memoryview(bench).cast("B")[4 * FLAGS :]
    out = []
    for x in series + ([None] if spike else []):
        bench[quality._VALUES_AT] = x or 0
        flag[0] = MISSING if x is None else 1
        quality.judge(at, 0)
        out.append(flag[0])
    return np.array(out[1:] if spike else out, dtype=np.uint8)
