# SPDX-License-Identifier: MIT
"""What the figures are to be, and how they are shown and kept (`build/bench.json`)."""

import json
from collections.abc import Callable
from pathlib import Path

OUT = Path(__file__).resolve().parents[2] / "build" / "bench.json"

Figures = dict[str, float]
Say = Callable[[str], None]

# By key: whether the limit is the most or the least that is good.
GOALS = {
    "density.lro_mainstreet": ("<=", 4.678),
    "density.lro_mainstreet_vs_sprintz": ("<=", 1.0),
    "density.wntr_dma": ("<=", 3.882),
    "density.wntr_dma_vs_xz": ("<=", 0.92),
    "density.skab": ("<=", 5.503),
    "density.sparse_pulses": ("<=", 0.9),
    "density.sweep_pulses": ("<=", 0.9),
    "density.constant": ("<=", 0.3),
    "density.regular_u32": ("<=", 2.0),
    "density.lro_mainstreet_vs_pcodec": ("<=", 1.0),
    "density.wntr_dma_vs_pcodec": ("<=", 1.0),
    "density.skab_vs_pcodec": ("<=", 1.0),
    "density.gecco_vs_pcodec": ("<=", 1.0),
    "density.regime_1s_1s": ("<=", 5.0),
    "density.regime_1s_60s": ("<=", 5.0),
    "density.regime_10s_1s": ("<=", 5.0),
    "density.regime_10s_60s": ("<=", 5.0),
    "density.regime_60s_1s": ("<=", 5.0),
    "density.regime_60s_60s": ("<=", 5.0),
    "wear.log_years_1s_1s": (">=", 10),
    "wear.log_years_1s_60s": (">=", 10),
    "wear.journal_years_1s_1s": (">=", 10),
    "wear.programmed_ratio": ("<=", 1.13),
    "wear.erased_ratio": ("<=", 1.13),
    "wear.programmed_gain_vs_lfs2": (">=", 30),
    "wear.erased_gain_vs_lfs2": (">=", 58),
    "wear.erase_spread": ("<=", 1),
    "start.journal_other_reads": ("<=", 100),
    "start.chip_estimate_s": ("<=", 2.0),
    "sampling.capture_vs_pack_into": ("<=", 0.12),
    "sampling.tick_vs_pack_into": ("<=", 0.35),
    "sampling.worst_vs_median_tick": ("<=", 3.0),
    "sampling.full_vs_pack_into": ("<=", 1.0),
    "sampling.work_60_vs_pack_into": ("<=", 1.5),
    "sampling.work_1_vs_pack_into": ("<=", 8.0),
    "sampling.work_idle_vs_pack_into": ("<=", 0.2),
    "sampling.alloc_bytes_per_record": ("<=", 0),
    "quality.flags_as_ioos_qc": (">=", 0.9999),
    "quality.gecco2018_f1_vs_3sigma": (">=", 1.0),
    "decode.values_per_s": (">=", 500_000),
    "archive.values_per_s": (">=", 1_000_000),
    "archive.month_of_a_node_s": ("<=", 1.0),
    "archive.nights_of_a_district_s": ("<=", 10.0),
    "pull.fraction_115200": (">=", 0.985),
    "pull.fraction_921600": (">=", 0.98),
    "pull.fraction_ber_1e5": (">=", 0.95),
    "pull.vs_mpremote": (">=", 3.4),
    "pull.vs_zmodem": (">=", 1.02),
    "pull.records_vs_mpremote_csv": (">=", 20),
    "pull.records_vs_zmodem_gzip_csv": (">=", 3.5),
    "district.battledim_abrupt_found": (">=", 5),
    "district.battledim_incipient_found": (">=", 4),
    "district.battledim_false": ("<=", 4),
    "district.towns_2_lps_found": (">=", 30),
    "district.towns_2_lps_within_1h": (">=", 30),
    "district.towns_1_lps_found": (">=", 30),
    "district.towns_1_lps_start_median_h": ("<=", 1),
    "district.towns_0.5_lps_found": (">=", 28),
    "district.towns_0.5_lps_start_median_h": ("<=", 6),
    "district.towns_quiet_false": ("<=", 0),
    "powercut.acked_lost": ("<=", 0),
    "powercut.invented": ("<=", 0),
    "flashfault.faults": (">=", 5000),
    "flashfault.lost": ("<=", 0),
    "flashfault.invented": ("<=", 0),
    "flashfault.max_erases_per_attempt": ("<=", 3),
    "uplink.bytes_per_record": ("<=", 5.5),
    "uplink.backfill_fraction": (">=", 0.95),
    "uplink.backfill_bytes_per_s": (">=", 100_000),
    "fleet.messages_per_s": (">=", 143),
    "fleet.identities_per_s": (">=", 143),
    "fleet.national_minute_s": ("<=", 8),
    "fleet.lost": ("<=", 0),
    "fleet.doubled": ("<=", 0),
    "uplink.faults": (">=", 10_000),
    "uplink.lost": ("<=", 0),
    "uplink.doubled": ("<=", 0),
}


def meets(key: str, value: float) -> bool:
    """Whether a figure is as good as it is to be; one without a goal always is."""
    sign, limit = GOALS.get(key, ("<=", value))
    return value <= limit if sign == "<=" else value >= limit


HEAD = ("figure", "measured", "goal", "verdict")


def rows(figures: Figures) -> list[tuple[str, str, str, str]]:
    """Key, value, goal, verdict of each figure."""
    made = []
    for key in sorted(figures):
        goal = verdict = ""
        if key in GOALS:
            sign, limit = GOALS[key]
            goal = f"{sign} {limit:,g}"
            verdict = "met" if meets(key, figures[key]) else "MISSED"
        made.append((key, show(figures[key]), goal, verdict))
    return made


def table(figures: Figures) -> list[str]:
    """For a terminal: one line a figure."""
    lines = [(*HEAD[:3], ""), *rows(figures)]
    return [f"{a:40}{b:>14}{c:>14}  {d}".rstrip() for a, b, c, d in lines]


def show(value: float) -> str:
    """Three or four digits that matter."""
    if value == round(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def keep(figures: Figures, path: Path = OUT) -> None:
    """Write them; floats rounded to what a measurement is good for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rounded = {key: _rounded(figures[key]) for key in sorted(figures)}
    path.write_text(json.dumps(rounded, indent=1) + "\n")


def _rounded(value: float) -> float:
    return int(value) if value == int(value) else float(f"{value:.5g}")
