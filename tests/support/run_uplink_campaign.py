# SPDX-License-Identifier: MIT
"""`make campaign`, the uplink: faults of network, broker, archives and power at the node's own
sender under MicroPython (tests/micropython/uplink_faults.py).

    run_uplink_campaign.py [FAULTS] [first seed]

build/uplink.json gets the sums. The first seeds that lose, double or alter a byte end it.
"""

import json
import sys
from typing import Any

from interpreters import BOTH, FIRMWARE, ON_NODE, run, unix_command
from measured import commit, keep, text_block
from rich.progress import track
from support import CHECKOUT

FAULTS = 10_000
BLOCK = 1000
COUNTS = ("faults", "lost", "doubled", "wrong", "bytes", "seeds")


def block(seed: int, faults: int) -> dict[str, Any]:
    """What seeds from `seed` on came to, until there were so many faults."""
    code = f"import uplink_faults\nuplink_faults.run({seed}, {faults})"
    told: dict[str, Any] = json.loads(run(unix_command(code, [FIRMWARE, ON_NODE, BOTH])))
    return told


def main() -> int:
    """Run to the end, or to the first failure."""
    faults = int(sys.argv[1]) if len(sys.argv) > 1 else FAULTS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    sums = dict.fromkeys(COUNTS, 0)
    for _ in track(range(-(-faults // BLOCK)), "faults of an uplink, by thousands"):
        told = block(seed + sums["seeds"], BLOCK)
        for name in COUNTS:
            sums[name] += told[name]
        if told["bad"]:
            print("seed, (faults, lost, doubled, wrong, bytes, trouble):", *told["bad"], sep="\n")
            return 1
    lives = f"{sums['seeds']:,} lives of a node, from seed {seed} on"
    different = f"come twice and different {sums['doubled']}, wrong {sums['wrong']}"
    lines = [
        f"{sums['faults']:,} faults of an uplink in {lives}",
        f"{sums['bytes']:,} bytes of log, two archives",
        f"bytes lost {sums['lost']}, {different}",
    ]
    (CHECKOUT / "build/uplink.json").write_text(json.dumps({"commit": commit(), **sums}))
    keep("uplink", text_block(lines))
    print(*lines, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
