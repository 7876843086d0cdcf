# SPDX-License-Identifier: MIT
"""Bits per value in the log beside what others need for the same series.

Ours has everything in it: page headers, marks, CRCs, checkpoints, sums, the ends of pages that stay
empty. The text of the config is left out: it is written once in the life of a config.
"""

from collections.abc import Sequence

import peers
import product
from figures import Figures, Say
from series import Series

OURS = "Tirta"


def bits_per_value(series: Series) -> float:
    """As the node writes full chunks, and only where the laptop gives everything back."""
    (logged,) = product.log(series)
    return 8 * logged.used_bytes / series.values


def measure(found: Sequence[Series], say: Say) -> Figures:
    """`density.*` of these series; a ratio only where its peer was measured beside it."""
    columns: dict[str, dict[str, float]] = {}
    for series in found:
        columns[series.name] = peers.bits_per_value(series)
        columns[series.name][OURS] = bits_per_value(series)
    if not columns:
        return {}
    rows = list(columns[found[0].name])
    say("bits per value" + "".join(f"{row:>15}" for row in rows))
    for name, column in columns.items():
        say(f"{name:14}" + "".join(f"{column[row]:15.3f}" for row in rows))
    figures = {f"density.{name}": column[OURS] for name, column in columns.items()}
    figures |= {
        f"density.{name}_vs_pcodec": column[OURS] / column[peers.PCO]
        for name, column in columns.items()
    }
    for name, peer, label in (
        ("lro_mainstreet", peers.SPRINTZ, "sprintz"),
        ("wntr_dma", peers.XZ, "xz"),
    ):
        if name in columns:
            ratio = columns[name][OURS] / columns[name][peer]
            figures[f"density.{name}_vs_{label}"] = ratio
    return figures
