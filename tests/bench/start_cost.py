# SPDX-License-Identifier: MIT
"""What a start asks of the flash, where log and journal of a 4 MB board are full."""

import json

from figures import Figures, Say
from under_micropython import run


def measure(say: Say) -> Figures:
    """`start.*`: reads, programs, erases of a start behind a power cut, and a stop in order."""
    told = json.loads(run("import bench_start\nbench_start.main()"))
    pages = told["pages"]
    say(f"a start over {pages} pages, {told['records']:,} records written before it")
    figures: Figures = {}
    for name, label in (("journal", "records in the journal"), ("settled", "none in the journal")):
        one = told[name]
        say(
            f"  {label:24} headers {one['headers']:5} ({one['headers'] / pages:.2f} a page), other"
            f" reads {one['reads']:4} ({one['read_bytes']:,} bytes), programs {one['programs']:3},"
            f" erases {one['erases']}"
        )
        figures[f"start.{name}_other_reads"] = one["reads"]
        figures[f"start.{name}_headers_a_page"] = one["headers"] / pages
        figures[f"start.{name}_programs"] = one["programs"]
        figures[f"start.{name}_erases"] = one["erases"]
    return figures
