# SPDX-License-Identifier: MIT
"""`make bench`: every figure, measured in one run, as a table and `build/bench.json`.

A figure that cannot be measured here (data, valgrind, numba or MicroPython absent) is left out, and
the reason is said. A figure that misses its goal is shown; only a wrong result fails the run.
"""

import sys
import time
from collections.abc import Callable

import archive_scale
import capacity
import decode_speed
import density
import district_bursts
import formulas
import measured
import node_cost
import powercut
import pull_speed
import quality
import regimes
import series
import start_cost
import uplink_bytes
import uplink_speed
import wear
from figures import HEAD, Figures, Say, keep, rows, table
from under_micropython import BenchError, available, can_count

DENSE = ("lro_mainstreet", "wntr_dma", "skab", "gecco")
CAPACITY = ("skab", "gecco", "lro_mainstreet")


def measure(found: dict[str, series.Series], say: Say) -> Figures:
    """Every figure that can be measured with these series."""
    figures: Figures = {}

    def part(title: str, measured: Callable[[], Figures]) -> None:
        started = time.monotonic()
        say(f"\n{title}")
        figures.update(measured())
        say(f"({time.monotonic() - started:.0f} s)")

    if not available():
        say("unix MicroPython is missing, and with it nearly all: pip install 'tirta[virtual]'")
    else:
        dense = [found[name] for name in DENSE if name in found] + formulas.every()
        part("Density", lambda: density.measure(dense, say))
        if "lro_mainstreet" in found:
            part("Six paces", lambda: regimes.measure(found["lro_mainstreet"], say))
            part("Uplink", lambda: uplink_bytes.measure(found["lro_mainstreet"], say))
            part("Decoding", lambda: decode_speed.measure(found["lro_mainstreet"], say))
        if "skab" in found:
            part("Busiest", lambda: regimes.busiest(found["skab"], say))
        part("Wear", lambda: wear.measure(say))
        part("A start", lambda: start_cost.measure(say))
        part("Capacity", lambda: _capacity(found, figures, say))
        if "skab" in found and can_count():
            part("Instructions", lambda: node_cost.measure(found["skab"], say))
        elif "skab" in found:
            say("\nInstructions: not counted, valgrind is not installed")
        if "gecco" in found:
            water = archive_scale.eight(found["gecco"])
            part("Archive", lambda: archive_scale.measure(water, say))
        part("Uplink's speed", lambda: uplink_speed.measure(say))
        part("Pull", lambda: pull_speed.measure(say, found.get("lro_mainstreet")))
    part("Bursts of districts", lambda: district_bursts.measure(say))
    part("Quality", lambda: quality.measure(say))
    part("Power cuts, and a flash that errs", lambda: powercut.measure(say))
    return figures


def _capacity(found: dict[str, series.Series], figures: Figures, say: Say) -> Figures:
    bits = {}
    for name in CAPACITY:
        if name in found:
            known = figures.get(f"density.{name}")
            bits[name] = known or density.bits_per_value(found[name])
    return capacity.measure(bits, say) if bits else {}


def main() -> int:
    """Measure, print, keep for build/bench.json and docs/MEASURED.md."""
    told: list[str] = []

    def say(line: str) -> None:
        told.extend(line.split("\n"))
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    found = {}
    for name in series.NAMES:
        one = series.load(name)
        if one is None:
            say(f"{name}: not measured, ../shared/data has no such series")
        else:
            found[name] = one
    try:
        figures = measure(found, say)
    except BenchError as error:
        sys.stderr.write(f"bench: {error}\n")
        return 1
    keep(figures)
    say("\n" + "\n".join(table(figures)))
    measured.keep("figures", measured.rows(HEAD, rows(figures)))
    measured.keep("bench", measured.text_block(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
