# SPDX-License-Identifier: MIT
"""The node's quality tests on a series: the plain source of the kernel, as it is."""

import importlib.util
from array import array
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

PLAIN = Path(__file__).parents[2] / "firmware/tirta_node/sampling/quality_plain.py"
WIDE = 0x3FFFFFFF
MISSING = 9


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("quality_plain", PLAIN)
    if spec is None or spec.loader is None:
        raise ImportError(PLAIN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


quality = _load()


def judged(series: list[int | None], **limits: Any) -> NDArray[np.uint8]:
    """Flags of a series, each at the place of its sample; the words are those of benches.py."""
    spike = limits.get("spike")
    flat = limits.get("flat", (0, 0, 0))
    words = [0, *limits.get("fail", (-WIDE, WIDE)), *limits.get("suspect", (-WIDE, WIDE))]
    words += [limits.get("rate", WIDE), 1 if spike else 0, *(spike or (0, 0)), *flat]
    qc = array("i", [1, *words, 0, 0, MISSING, *([0] * (5 + flat[2] + 1))])
    values, flags = array("i", [0]), bytearray(1)
    out = []
    for x in series + ([None] if spike else []):
        values[0] = x or 0
        flags[0] = MISSING if x is None else 1
        quality.judge(None, values, flags, qc, 0)
        out.append(flags[0])
    return np.array(out[1:] if spike else out, dtype=np.uint8)
