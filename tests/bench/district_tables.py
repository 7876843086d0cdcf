# SPDX-License-Identifier: MIT
"""`make district`: what bursts are found and what is told falsely, for docs/MEASURED.md.

`python tests/bench/district_tables.py [PART…]`; without a part all of them, which takes a quarter
of an hour of one core.
"""

import sys
from collections.abc import Callable

import burst_node
import district_bursts
import measured
import replays
import sensitivity
from figures import Say

# By section of the page: what measures it.
PARTS: dict[str, Callable[[Say], object]] = {
    "bursts": district_bursts.measure,
    "replays": replays.measure,
    "sensitivity": sensitivity.measure,
    "node_bursts": burst_node.measure,
}


def main() -> int:
    """Measure each part, print it, and leave it for docs/MEASURED.md."""
    unknown = [name for name in sys.argv[1:] if name not in PARTS]
    if unknown:
        sys.stderr.write(f"no part {unknown[0]}: there are {', '.join(PARTS)}\n")
        return 1
    for name in sys.argv[1:] or PARTS:
        told: list[str] = []

        def say(line: str, told: list[str] = told) -> None:
            told.append(line)
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

        PARTS[name](say)
        measured.keep(name, measured.text_block(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
