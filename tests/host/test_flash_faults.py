# SPDX-License-Identifier: MIT
"""A flash that errs for a while, five thousand times: at every operation of a start and of a run,
by errors and by lies, over rings that are empty, young, full, damaged, and at the end of their
numbers; and the power fails in between.

All rules hold over the classes that the node bears, and over the others some (firmware/DESIGN.md,
"Flash that lies"). The firmware runs under
MicroPython (tests/micropython/flash_faults.py); the oracle decides.
"""

import pytest
from fault_trials import judge, keep_figures, report

SEED = 20260101
TRIALS = 2500  # with up to eight faults each; a core makes about 50 a second
LEAST_FAULTS = 5000


def test_a_flash_that_errs_for_a_while(capsys: pytest.CaptureFixture[str]) -> None:
    oracle = judge(SEED, 0, TRIALS)
    lines = report(oracle, 5, 2000)
    keep_figures(oracle.counts, oracle.found, oracle.most_erases)
    assert not oracle.found, "\n".join(lines)
    assert oracle.counts["borne"] >= LEAST_FAULTS
    assert oracle.counts["restarted"] >= TRIALS // 4
    assert oracle.counts["hurt"] >= TRIALS // 10
    assert oracle.counts["erases"] >= TRIALS // 2, "no page was turned"
    with capsys.disabled():
        print("\n" + "\n".join(lines))
