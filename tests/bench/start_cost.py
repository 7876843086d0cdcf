# SPDX-License-Identifier: MIT
"""What a start asks of the flash, where log and journal of a 4 MB board are full, and of the chip:
instructions of the interpreter, counted here.
"""

import json
import tempfile
from pathlib import Path

from figures import Figures, Say
from under_micropython import can_count, instructions_per_turn, run

_HZ = 240_000_000
# Of an instruction counted on x86-64: the interpreter takes some more on Xtensa, and runs from a
# cache of flash. Nobody has measured it on a chip.
_CYCLES = 4


def measure(say: Say) -> Figures:
    """`start.*`: reads, programs, erases of a start behind a power cut, and a stop in order;
    instructions of the first.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "flash")
        figures = reads(say, path)
        if can_count():
            code = f"import bench_start\nbench_start.starts({path!r}, {{n}})"
            count = instructions_per_turn(code, 1, 3)
            figures["start.instructions"] = count
            figures["start.chip_estimate_s"] = count * _CYCLES / _HZ
            say(
                f"  {count:,.0f} instructions with its modules in RAM:"
                f" {count * _CYCLES / _HZ:.2f} s at 240 MHz if each takes {_CYCLES} cycles there"
            )
    return figures


def reads(say: Say, path: str) -> Figures:
    """What two starts ask of the flash; how it was before the first is left at `path`."""
    told = json.loads(run(f"import bench_start\nbench_start.main({path!r})"))
    pages = told["pages"]
    say(f"a start over {pages} pages, {told['records']:,} records written before it")
    figures: Figures = {}
    for name, label in (("journal", "records in the journal"), ("settled", "none in the journal")):
        one = told[name]
        say(
            f"  {label:24} a header of each of {one['headers']} pages, beside them"
            f" {one['reads']:3} reads ({one['read_bytes']:,} bytes), programs"
            f" {one['programs']:3}, erases {one['erases']}"
        )
        figures[f"start.{name}_other_reads"] = one["reads"]
        figures[f"start.{name}_reads_a_page"] = (one["headers"] + one["reads"]) / pages
        figures[f"start.{name}_programs"] = one["programs"]
        figures[f"start.{name}_erases"] = one["erases"]
    return figures
