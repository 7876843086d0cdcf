# SPDX-License-Identifier: MIT
"""How many days the log of a 4 MB board holds, from bits per value measured on real series."""

from figures import Figures, Say

LOG_PAGES = 316  # 336 pages of the partition, without the journal's
PAGE_BITS = 8 * 4096
CHANNELS = 8
PACES_S = {"1/min": 60, "1/10 s": 10, "1/s": 1}
DAY_S = 86_400


def days(bits_per_value: float, pace_s: int) -> float:
    """Until the oldest page is overwritten; one page is always erased ahead."""
    records = (LOG_PAGES - 1) * PAGE_BITS / (bits_per_value * CHANNELS)
    return records * pace_s / DAY_S


def measure(bits: dict[str, float], say: Say) -> Figures:
    """`bits` per value by series; days for each and each pace."""
    say(f"days that {CHANNELS} channels last" + "".join(f"{pace:>10}" for pace in PACES_S))
    figures: Figures = {}
    for name, each in bits.items():
        found = {pace_s: days(each, pace_s) for pace_s in PACES_S.values()}
        say(f"  as {name:22}" + "".join(f"{value:10.1f}" for value in found.values()))
        figures |= {f"capacity.days_{name}_{pace_s}s": v for pace_s, v in found.items()}
    return figures
