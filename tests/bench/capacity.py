# SPDX-License-Identifier: MIT
"""How many days the log of a 4 MB board holds, from bits per value measured on real series."""

from figures import Figures, Say

from tirta.boards import board_file

BOARD = "esp32_devkitc"
PAGE_BITS = 8 * 4096
CHANNELS = 8
PACES_S = {"1/min": 60, "1/10 s": 10, "1/s": 1}
DAY_S = 86_400


def days(bits_per_value: float, pace_s: int) -> float:
    """Until the oldest page is overwritten; one page is always erased ahead."""
    records = (_log_pages() - 1) * PAGE_BITS / (bits_per_value * CHANNELS)
    return records * pace_s / DAY_S


def _log_pages() -> int:
    """Pages of the board's partition, without the journal's (FORMAT.md section 2)."""
    pages = board_file.load(BOARD).partition("log").size // 4096
    return pages - max(4, min(20, pages // 16))


def measure(bits: dict[str, float], say: Say) -> Figures:
    """`bits` per value by series; days for each and each pace."""
    say(f"days that {CHANNELS} channels last" + "".join(f"{pace:>10}" for pace in PACES_S))
    figures: Figures = {}
    for name, each in bits.items():
        found = {pace_s: days(each, pace_s) for pace_s in PACES_S.values()}
        say(f"  as {name:22}" + "".join(f"{value:10.1f}" for value in found.values()))
        figures |= {f"capacity.days_{name}_{pace_s}s": v for pace_s, v in found.items()}
    return figures
