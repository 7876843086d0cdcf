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

OURS = "Tirta, in pages, verified"


def bits_per_value(series: Series) -> float:
    """As the node writes full chunks, and only where the laptop gives everything back."""
    (logged,) = product.log(series)
    return 8 * logged.used_bytes / series.values


def measure(found: Sequence[Series], say: Say) -> Figures:
    """`density.*` of these series; a ratio only where its peer was measured beside it."""
    columns = {}
    for series in found:
        columns[series.name] = peers.bits_per_value(series)
        columns[series.name][OURS] = bits_per_value(series)
    names = list(columns)
    if not names:
        return {}
    say(f"{'bits per value':28}" + "".join(f"{name:>16}" for name in names))
    for row in columns[names[0]]:
        say(f"{row:28}" + "".join(f"{columns[name][row]:16.2f}" for name in names))
    figures = {f"density.{name}": columns[name][OURS] for name in names}
    for name, peer, label in (
        ("lro_mainstreet", peers.SPRINTZ, "sprintz"),
        ("wntr_dma", peers.XZ, "xz"),
    ):
        if name in columns:
            ratio = columns[name][OURS] / columns[name][peer]
            figures[f"density.{name}_vs_{label}"] = ratio
    return figures
