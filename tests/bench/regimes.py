# SPDX-License-Identifier: MIT
"""The same records at six paces: what durability costs in the pages, in bytes and in erases.

A record is durable within the commit time at each of them; the journal holds it until its chunk of
the log is complete. Journal and log have rings of their own, so each wears out in its own time.
"""

import product
from figures import Figures, Say
from series import Series
from under_micropython import BenchError

CYCLES = 100_000  # of a sector, by the data sheets
YEAR_S = 31_557_600
PACES_S = (1, 10, 60)
COMMITS_S = (1, 60)
JOURNAL, LOG = 0, 1
TURNS = 8  # of a short series, so that the journal wraps often enough


def measure(series: Series, say: Say) -> Figures:
    """Figures of every regime, by `INTERVAL_COMMIT`."""
    regimes = [(pace, commit) for pace in PACES_S for commit in COMMITS_S]
    logs = product.log(series, [(1000 * pace, 1000 * commit) for pace, commit in regimes])
    say(f"{series.name}, {series.channels} channels: a record each, durable within; bits per value")
    say("in the log; bytes programmed per record and erases per 1000 records, log + journal; years")
    figures: Figures = {}
    for (pace, commit), logged in zip(regimes, logs, strict=True):
        told, regime = logged.told, f"{pace}s_{commit}s"
        if told.most_waiting > max(1, commit // pace):
            raise BenchError(f"{told.most_waiting} records waited at {regime}")
        bits = 8 * logged.used_bytes / series.values
        figures[f"density.regime_{regime}"] = bits
        line = f"  {pace:2} s {commit:3} s {bits:6.2f} bits "
        cells = []
        for ring, name in ((LOG, "log"), (JOURNAL, "journal")):
            wear = {
                "bytes_per_record": told.programmed[ring] / told.records,
                "erases_per_1000": 1000 * told.erased[ring] / told.records,
            }
            if told.erased[ring]:
                cycles = YEAR_S / pace * told.erased[ring] / told.records / told.pages[ring]
                wear["years"] = CYCLES / cycles
            figures |= {f"wear.{name}_{what}_{regime}": value for what, value in wear.items()}
            cells.append(wear)
        line += " bytes " + " + ".join(f"{cell['bytes_per_record']:5.2f}" for cell in cells)
        line += "  erases " + " + ".join(f"{cell['erases_per_1000']:4.2f}" for cell in cells)
        years = [f"{cell['years']:,.0f}" if "years" in cell else "-" for cell in cells]
        say(line + "  years " + ", ".join(years))
    return figures


def busiest(series: Series, say: Say) -> Figures:
    """Years of the journal with eight noisy channels, a record and a commit every second: the most
    that it is made for.
    """
    (logged,) = product.log(series.times(TURNS), [(1000, 1000)])
    told = logged.told
    if not told.erased[JOURNAL]:
        raise BenchError(f"{told.records} records of {series.name} did not fill the journal once")
    cycles = YEAR_S * told.erased[JOURNAL] / told.records / told.pages[JOURNAL]
    years = CYCLES / cycles
    size = told.programmed[JOURNAL] / told.records
    say(f"{series.name}, {series.channels} channels, 1 s / 1 s: the journal takes {size:.1f} bytes")
    say(f"  a record and lasts {years:.1f} years ({told.erased[JOURNAL]} erases counted)")
    return {f"wear.journal_years_{series.name}_1s_1s": years}
