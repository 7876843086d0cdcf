# SPDX-License-Identifier: MIT
"""A flash that errs for a while, five thousand times: at every operation of a start and of a run,
by errors and by lies, over rings that are empty, young, full, damaged, and at the end of their
numbers; and the power fails in between.

All rules hold over the classes that the node bears, and over the others some (firmware/DESIGN.md,
"Flash that lies"). The firmware runs under
MicroPython (tests/micropython/flash_faults.py); the oracle decides.
"""

import pytest
from fault_oracle import ERASES, FaultOracle
from fault_trials import judge, keep_figures, report

SEED = 20260101
ALWAYS = 1 << 30  # times
TRIALS = 2500  # with up to eight faults each; a core makes about 50 a second
LEAST_FAULTS = 5000
# (seed, trial) that broke a rule once, and what was mended: holes that no loss record named, pages
# with the sequence of another, a page that hid for less than a second, what damage hides erased
# before it was noted, a journal that read a byte late, a page that was written on after its
# follower was begun, a newest page of the journal that hid before the one before it was full,
# a boot's number forgotten, a page that was the only word of its numbers erased, a cell of a header
# that flickers, records that a page had twice or that damage moved, a page of the journal erased
# whose header was set right, records in RAM taken for those that a start had written. The last two
# the judge took for losses.
ONCE_BROKEN = [(8002, 130), (8004, 265), (20004, 168), (20015, 267), (20043, 260)]
ONCE_BROKEN += [(20012, 329), (20036, 354), (40002, 403), (40007, 39)]
ONCE_BROKEN += [(40002, 107), (40006, 179), (40013, 322), (20004, 643), (20007, 5)]
ONCE_BROKEN += [(30008, 654), (60026, 73), (60046, 556), (60047, 185)]
ONCE_BROKEN += [(71003, 72), (71003, 879), (71003, 1326), (60027, 96), (60059, 366)]
# A start that was misled until its first program did not show, what was overwritten not told before
# the next page, or not at all where it was passed over, a header of the journal that went into the
# log. The last two the judge took for faults: a loss of which the page that told it had gone as
# well, and a page that was not erased before anything proved that programs work.
ONCE_BROKEN += [(73027, 144), (73039, 617), (73010, 194), (74003, 220), (74101, 515)]
ONCE_BROKEN += [(73001, 392), (74206, 780)]
# A header of the journal and a chunk that both went into one page of the log: no start ended.
ONCE_BROKEN += [(75013, 144)]
# A page of the journal in the place of the newest page of the log, for a moment; a newest page with
# a wrong bit in its header, behind two that were passed over; the oldest page taken for the newest,
# for a program that went there destroyed its header.
ONCE_BROKEN += [(77116, 501), (79108, 382), (79203, 1032)]
# A page that was away during a start: the only one of a young log, one of the journal alone, one
# whose header went elsewhere, a chunk without its last part, a spare in the place of the newest.
ELSEWHERE = [(79003, 262), (102, 1477), (103, 1268), (302, 669), (79002, 69)]
# A start made more reads then: where the same faults lie now, by tests/micropython/fault_plans.py.
MOVED = {
    # The first boot's erase of the journal, and the second one's programs, as they were; what reads
    # old after them lasts for one start, which is all that is borne.
    (40008, 597): ((103, ALWAYS), None, (65, 1), (71, 58)),
    # From the end of the second reading of the second start into the third one that follows.
    (30006, 286): ((71, 55),),
    # Chunks of the page that is left do not show, and the next one has their records once more.
    (40008, 806): ((66, ALWAYS), (14, 3), (71, 3), (15, 3)),
    (60010, 1): ((110, 20), (400, 1), (16, 3)),
}
# Their starts began with a checkpoint then, too: those of the others do so now, a program more.
ALIKE = {(8002, 130), (8004, 265), (20004, 643), (71003, 72), (73027, 144), (73033, 706)}
ALIKE |= {(74003, 220), (74101, 515), (74214, 49), (75013, 144), (73001, 392), (73010, 194)}
ALIKE |= {(79108, 382), (79203, 1032)}
CUTS = 300
QUIET = 300  # trials of one fault that lasts
# The journal found no page until the next start: the newest of those that it kept came next, of
# which the log had everything.
SLOWLY_WELL = [(75001, 24), (75001, 1158)]
MINUTES = 61  # an attempt waits an hour at most
# A request brought what waits into the log, and then a checkpoint: 4 and 5 erases.
TOO_MANY_ERASES = [(73003, 124), (73033, 706)]
# A wrong bit of the address in a program and in its read-back; and the newest page of the log with
# the one before it destroyed by programs that went there.
BEYOND = [(72011, 1456, "lost"), (74214, 49, "twice")]
# A chunk whose checksum is right by chance, and a record that did not fit into a page, tried there
# again and again while no other page could be opened: what was written of it could not be read.
NOT_BORNE = {(40015, 586): (), (60005, 78): ((132, ALWAYS), (861, 1), None, None, None, (752, 1))}


def judge_again(seed: int, trial: int) -> FaultOracle:
    """A trial that was drawn when starts made other operations than now."""
    places = {**MOVED, **NOT_BORNE}.get((seed, trial), ())
    return judge(seed, trial, 1, places, later=int((seed, trial) not in ALIKE))


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


@pytest.mark.parametrize(("seed", "trial"), [*ONCE_BROKEN, *MOVED])
def test_what_broke_a_rule_once(seed: int, trial: int) -> None:
    oracle = judge_again(seed, trial)
    assert oracle.counts["borne"], "the fault is another now"
    assert not oracle.found, "\n".join(report(oracle, 9, 2000))


@pytest.mark.parametrize(("seed", "trial"), ELSEWHERE)
def test_what_showed_elsewhere_once(seed: int, trial: int) -> None:
    oracle = judge(seed, trial, 1, draw="draw_elsewhere")
    assert oracle.counts["borne"], "the fault is another now"
    assert not oracle.found, "\n".join(report(oracle, 9, 2000))


@pytest.mark.parametrize("draw", ["draw_cut", "draw_causes", "draw_cuts"])
def test_what_a_cut_start_left_falls_behind_the_next(draw: str) -> None:
    oracle = judge(SEED, 0, CUTS, draw=draw)
    assert oracle.counts["restarted"] == CUTS
    assert not oracle.found, "\n".join(report(oracle, 5, 2000))


@pytest.mark.parametrize("draw", ["draw_worn", "draw_warm", "draw_elsewhere"])
def test_blocks_that_wear_out_and_reads_that_go_elsewhere_or_come_and_go(draw: str) -> None:
    oracle = judge(SEED, 0, QUIET, draw=draw)
    assert oracle.counts["borne"] >= QUIET * 3 // 4
    assert not oracle.found, "\n".join(report(oracle, 5, 2000))


@pytest.mark.parametrize(("seed", "trial"), SLOWLY_WELL)
def test_on_sound_flash_it_is_well_again_within_minutes(seed: int, trial: int) -> None:
    assert judge_again(seed, trial).minutes <= MINUTES


@pytest.mark.parametrize(("seed", "trial"), TOO_MANY_ERASES)
def test_a_request_is_one_attempt(seed: int, trial: int) -> None:
    oracle = judge_again(seed, trial)
    assert oracle.most_erases == ERASES, "the fault is another now"


@pytest.mark.parametrize(("seed", "trial", "rule"), BEYOND)
def test_what_is_beyond_any_log(seed: int, trial: int, rule: str) -> None:
    oracle = judge_again(seed, trial)
    assert not oracle.found, "\n".join(report(oracle, 9, 2000))
    assert oracle.beyond[rule], "the fault is another now"


@pytest.mark.parametrize(("seed", "trial"), NOT_BORNE)
def test_what_is_not_borne_crashes_no_node_and_alters_no_record(seed: int, trial: int) -> None:
    oracle = judge_again(seed, trial)
    assert not oracle.found, "\n".join(report(oracle, 9, 2000))
