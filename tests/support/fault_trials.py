# SPDX-License-Identifier: MIT
"""Runs trials of a flash that errs and judges them. By hand, from a checkout:

    .venv/bin/python tests/support/fault_trials.py SEED [FIRST [COUNT]]

says which rules the trials from FIRST on broke, with an example of each; one trial alone says all.
"""

import sys
from collections.abc import Mapping, Sequence

from campaign import events, keep
from fault_oracle import FaultOracle
from format_reader import PAGE_BYTES

BLOCKS = 9  # as tests/micropython/fault_bases.py
LOST = ("lost", "unsaid", "pages")
INVENTED = ("invented", "altered", "twice")
_EXAMPLES = 5
_WIDTH = 240


def judge(
    seed: int,
    first: int,
    count: int,
    places: Sequence[object] = (),
    draw: str = "draw",
    later: int = 0,
) -> FaultOracle:
    """What the oracle found in the trials `first` to `first + count - 1` of this seed; `places`: of
    their lies, by fault_plans.Plan.move; `draw`: the function of fault_plans that draws plans;
    `later`: as flash_faults.main has it.
    """
    oracle = FaultOracle()
    drawn = f"{seed}, {first}, {count}, {places!r}, {draw!r}, {later}"
    code = f"import flash_faults\nflash_faults.main({drawn})"
    with events(code, BLOCKS * PAGE_BYTES) as told:
        for event, image in told:
            oracle.take(event, image)
    assert oracle.counts["trials"] == count, "it ended before its end"
    return oracle


def report(oracle: FaultOracle, most: int, width: int) -> list[str]:
    """For a person: at most so many examples a rule."""
    counts = oracle.counts
    lines = [f"{counts['trials']:,} trials, {counts['hit']:,} faults hit the node,"]
    lines[0] += f" {counts['borne']:,} of the classes that it bears"
    lines.append(f"most erases in one attempt {oracle.most_erases}, broken: {dict(oracle.found)}")
    lines[1] += f"; by the other classes: {dict(oracle.beyond)}"
    for rule, examples in oracle.examples.items():
        for trial, base, plan, what in examples[:most]:
            lines.append(f"{rule}, trial {trial} ({base}): {plan} | {what}"[:width])
    return lines


def keep_figures(counts: Mapping[str, int], found: Mapping[str, int], erases: int) -> None:
    """What `make bench` shows: the faults (lies that hit, bits that flipped) of trials of the
    classes that the node bears, and the trials that broke a promise.
    """
    figures = {"faults": counts["borne"], "max_erases_per_attempt": erases}
    figures["lost"] = sum(found.get(rule, 0) for rule in LOST)
    figures["invented"] = sum(found.get(rule, 0) for rule in INVENTED)
    keep("flashfault.json", figures)


if __name__ == "__main__":
    seed, first, count = ([int(word) for word in sys.argv[1:]] + [0, 1000])[:3]
    if len(sys.argv) == 3:
        count = 1
    found = judge(seed, first, count)
    one = count == 1
    print("\n".join(report(found, 99 if one else _EXAMPLES, 9999 if one else _WIDTH)))
    sys.exit(bool(found.found))
