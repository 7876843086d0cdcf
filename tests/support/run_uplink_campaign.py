# SPDX-License-Identifier: MIT
"""`make campaign`, the uplink: faults of network, broker, archives and power at the node's own log
and sender under MicroPython (tests/micropython/uplink_faults.py), judged by uplink_judge.py.

    run_uplink_campaign.py [FAULTS] [first seed]

build/uplink.json gets the sums. The first seeds that lose, double or alter a record end it.
"""

import json
import sys
from dataclasses import asdict

from campaign import events
from format_reader import PAGE_BYTES
from measured import commit, keep, text_block
from rich.progress import track
from support import CHECKOUT
from uplink_judge import Sums, judge

FAULTS = 10_000
BLOCK = 300  # or a little more, with the last life
COUNTS = ("seeds", "faults", "records", "bytes", "holes", "lost", "doubled", "wrong")


def block(seed: int, faults: int) -> Sums:
    """What seeds from `seed` on came to, until there were so many faults."""
    with events(f"import uplink_faults\nuplink_faults.run({seed}, {faults})", PAGE_BYTES) as told:
        return judge(told)


def main() -> int:
    """Run to the end, or to the first failure."""
    faults = int(sys.argv[1]) if len(sys.argv) > 1 else FAULTS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    sums = Sums()
    for _ in track(range(-(-faults // BLOCK)), "faults of an uplink, by hundreds"):
        told = block(seed + sums.seeds, BLOCK)
        for name in COUNTS:
            setattr(sums, name, getattr(sums, name) + getattr(told, name))
        for name, count in told.kinds.items():
            sums.kinds[name] = sums.kinds.get(name, 0) + count
        print(json.dumps({name: getattr(sums, name) for name in COUNTS}), flush=True)
        if told.bad:
            print("seed, what is wrong:", *told.bad, sep="\n")
            return 1
    lives = f"{sums.seeds:,} lives of a node, from seed {seed} on"
    whole = ", ".join(f"{name} {count:,}" for name, count in sorted(sums.kinds.items()))
    lines = [
        f"{sums.faults:,} faults of an uplink in {lives}",
        f"of them: {whole}; the others of single messages",
        f"{sums.records:,} records, {sums.bytes:,} bytes in two archives",
        f"records lost {sums.lost}, doubled {sums.doubled}, wrong {sums.wrong}",
        f"{sums.holes:,} records overwritten in 72 h without a way, each with its reason",
    ]
    (CHECKOUT / "build/uplink.json").write_text(json.dumps({"commit": commit(), **asdict(sums)}))
    keep("uplink", text_block(lines))
    print(*lines, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
