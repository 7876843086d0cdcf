# SPDX-License-Identifier: MIT
"""What a record costs the node, beside the loop that packs eight values with struct.pack_into.

Instructions of unix MicroPython, counted by callgrind: ratios of one run, the same on every machine
of one kind. What is compressed is skab, eight channels at 1 Hz, the hardest of our series.
"""

import json
import tempfile
from pathlib import Path
from statistics import median

from figures import Figures, Say
from series import Series
from under_micropython import instructions_between, instructions_per_turn, run

SHORT, LONG = 120, 1320
MODES = ("pack", "loop", "empty", "capture", "full", "durable", "tick", "mean", "idle")
ENDS = ("statistics", "limits", "both")  # of what is asked of each channel beside its value
WORKS = ("work_none", "work_60", "work_1", "work_idle", "calls")
# A collection of garbage takes time by the size of the heap; a chip has 110 to 240 KB, with objects
# of half the size.
HEAP = "1m"
ROOMY = "2m"  # for eight readings a value, prepared: nothing is collected beside them
MIXED = "import bench_mixed\nbench_mixed.main()"
MARK = "gc_isenabled"  # what bench_mixed calls at the start and the end of a tick


def _code(mode: str, n: str, series: Series, path: str) -> str:
    return f"import bench_cost\nbench_cost.main({mode!r}, {n}, {series.channels}, {path!r})"


def _ended(mode: str, series: Series, path: str) -> float:
    """Instructions of the two ticks that end a record: the one that samples, and the one that makes
    it of the accounts.
    """
    whole, before = (
        instructions_per_turn(_code(m, "{n}", series, path), SHORT, LONG)
        for m in (mode, mode + "-before")
    )
    return whole - before


def _file(series: Series, folder: str) -> str:
    path = Path(folder) / "values"
    path.write_bytes(series.joined().values.astype("<i4").tobytes())
    return str(path)


def heap_bytes(series: Series) -> tuple[float, float]:
    """Heap that a record takes: in a chunk, and with chunks written and pages turned."""
    with tempfile.TemporaryDirectory() as folder:
        between, whole = json.loads(run(_code("heap", "0", series, _file(series, folder))))
    return between, whole


def worst_vs_median() -> float:
    """Instructions of the costliest of some ticks of mixed periods, as a part of the median one."""
    each = instructions_between(MIXED, MARK)[::2]
    return max(each) / median(each)


def measure(series: Series, say: Say) -> Figures:
    """`sampling.*`"""
    with tempfile.TemporaryDirectory() as folder:
        path = _file(series, folder)
        cost = {
            mode: instructions_per_turn(
                _code(mode, "{n}", series, path), SHORT, LONG, ROOMY if mode == "mean" else HEAP
            )
            for mode in MODES + WORKS
        }
        worst = worst_vs_median()
        ended = {mode: _ended(mode, series, path) for mode in ENDS}
    between, whole = heap_bytes(series)
    capture = cost["capture"] - cost["empty"]
    tick, mean = cost["tick"] - cost["idle"], cost["mean"] - cost["idle"]
    full, durable = cost["full"] - cost["loop"], cost["durable"] - cost["loop"]
    work = {name: cost[name] - cost["work_none"] for name in ("work_60", "work_1")}
    work["work_idle"] = cost["work_idle"] - cost["calls"]
    say(f"instructions per record of {series.channels} channels ({series.name})")
    say(f"  {'8 reads and struct.pack_into':48}{cost['pack']:10,.0f}")
    say(f"  {'raw values to the ring':48}{capture:10,.0f}")
    say(f"  {'a whole tick, readings and schedule':48}{tick:10,.0f}")
    say(f"  {'the same, eight readings for each value':48}{mean:10,.0f}")
    for mode in ENDS:
        say(f"  {f'both ticks at the end of a record, {mode}':48}{ended[mode]:10,.0f}")
    say(f"  {'worst tick of mixed periods / median tick':48}{worst:10.2f}")
    say(f"  {'raw values to the ring, compressed and framed':48}{full:10,.0f}")
    say(f"  {'  by kernels and framing alone, without the keeper'}")
    say(f"  {'that, programmed and read back':48}{durable:10,.0f}")
    say(f"  {'Keeper.work, 60 records a chunk':48}{work['work_60']:10,.0f}")
    say(f"  {'Keeper.work, every record in the journal':48}{work['work_1']:10,.0f}")
    say(f"  {'Keeper.work with nothing to do':48}{work['work_idle']:10,.0f}")
    say(f"  bytes of heap per record: {between:g}; with chunks and pages {whole:.1f}")
    return {
        "sampling.capture_vs_pack_into": capture / cost["pack"],
        "sampling.tick_vs_pack_into": tick / cost["pack"],
        "sampling.mean_tick_vs_pack_into": mean / cost["pack"],
        **{f"sampling.tick_{mode}_vs_pack_into": ended[mode] / cost["pack"] for mode in ended},
        "sampling.worst_vs_median_tick": worst,
        "sampling.full_vs_pack_into": full / cost["pack"],
        "sampling.durable_vs_pack_into": durable / cost["pack"],
        **{f"sampling.{name}_vs_pack_into": each / cost["pack"] for name, each in work.items()},
        "sampling.alloc_bytes_per_record": between,
        "sampling.commit_alloc_bytes_per_record": whole,
    }
