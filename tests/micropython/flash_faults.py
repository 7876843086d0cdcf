# SPDX-License-Identifier: MIT
"""Runs the firmware's log on a flash that errs for a while, thousands of times a process.

A *base* is a partition as a run left it at some moment, and what is true of it. A *trial* takes a
copy of one, draws a fault from its seed, starts the node, samples, cuts the power or not, heals the
flash, and waits until the node is well again. What happened goes to stdout, a JSON line and the
cells of the flash; tests/support/fault_oracle.py decides.
"""

import gc

import faststart  # noqa: F401
import fault_bases
import fault_plans
import nochip  # noqa: F401 - alarms come by way of hal
from faketime import time
from fault_bases import BLOCKS
from fault_node import Node
from lies import READ
from lying_flash import LyingFlash, PowerCut, StuckError
from nor import BLOCK, PROGRAM, Random
from writer import EACH, FEW, FIRST, MANY, NEVER, SECOND, tell

from tirta_node.requests import status

REGIMES = (EACH, FEW, MANY, NEVER)
_SIZE = BLOCKS * BLOCK
_MINUTE_MS = 61000
_PATIENCE = 400  # minutes until a node on sound flash is to be well again
_PASSING = 61  # and until a second one that is worn out is passed over
_UNPROVEN = 6  # minutes that a page may wait until something proves that it may be erased


class Trial:
    """One fault, from the base on."""

    def __init__(self, base, plan, seed):
        self._base = base
        self._plan = plan
        self._seed = seed
        self._began_ms = time.now_ms
        self._flash = LyingFlash(BLOCKS, base.image, self._now_ms, seed)
        self._flips = []
        self._setup = base.setup
        self._nodes = []
        self._epoch = base.epoch
        self._number = base.number
        self.minutes = 0
        self.trouble = ""

    def _now_ms(self):
        return time.ticks_diff(time.now_ms, self._began_ms)

    def run(self):
        """To its end, whatever comes."""
        plan, flash = self._plan, self._flash
        try:
            flash.lies = plan.lies
            flash.cut_at = plan.cut
            flash.late = plan.late
            self._rest(0)
            self._boot(plan.records)
            for count in plan.cuts:
                flash.power_up()
                flash.cut_in(PROGRAM, count, "later")
                self._boot(plan.records)
            if plan.restarts:
                flash.cut_at = None
                if plan.stops:
                    self._stop()
                flash.power_up()
                self._rest(1)
                if plan.heals:
                    flash.heal()
                flash.lies = flash.lies + plan.again
                self._boot(plan.records)
            flash.heal()
            self._recover()
            if plan.last:
                self._boot(3)
                self._recover()
        except StuckError:
            self.trouble = "it goes round in a circle"
        time.now_ms = self._began_ms

    def _rest(self, start):
        plan, flash = self._plan, self._flash
        if plan.flips and plan.flips_at == start:
            random = Random(self._seed)
            self._flips = fault_plans.bits(plan, random, fault_bases.newest(flash.image), _SIZE)
            flash.flip(self._flips)

    def _stop(self):
        """A laptop wants a restart, with another config or not; a node that cannot save refuses."""
        node = self._nodes[-1]
        if node.do(node.prepare_config) is None and self._plan.changes:
            self._setup = SECOND if self._setup is not SECOND else FIRST
        node.do(node.stop)

    def _boot(self, records):
        base = self._base
        node = Node(self._flash, self._setup, base.seed + 77 + len(self._nodes), base.regime)
        node.cause = self._plan.causes[len(self._nodes) % len(self._plan.causes)]
        time.sleep_ms(len(self._nodes))  # no two starts take as long: what they write differs
        self._nodes.append(node)
        try:
            node.boot(0x7777 + len(self._nodes))
            self._look(node)
            self._sample(node, records)
        except PowerCut:
            pass

    def _sample(self, node, records):
        plan = self._plan
        for i in range(records):
            if i == plan.pulled_at:
                node.tell_pulled()
            node.sample(1)
            node.do(node.work, 100)
            self._look(node)
            if not plan.hasty:
                node.do(node.work)
                self._look(node)
            if i == plan.commit_at:
                node.do(node.commit)
            if i % 8 == 0:
                node.do(node.ask_status)
            time.sleep_ms(plan.pace_ms)

    def _look(self, node):
        """What it says of itself, and what is true."""
        node.look(self._epoch, self._number)
        if not node.is_sure():
            return  # nothing was written, so nothing is acknowledged: it may begin once more
        if node.noted and node.log.epoch == self._epoch:
            self._number = max(self._number, node.keeper.number())
            node.proven = node.keeper.number()
        elif node.noted:
            self._epoch, self._number = node.log.epoch, node.keeper.number()

    def _recover(self):
        """On sound flash it is well again by itself, and takes what comes."""
        node = self._nodes[-1]
        lasts = any(lie.lasts for lie in self._plan.lies)
        patience = self.minutes + _PASSING if lasts else _UNPROVEN
        for _ in range(_PATIENCE):
            node.do(node.work)
            self._look(node)
            attempts = node.log.attempts
            proven = attempts.proof != attempts.count  # else it waits for a record, to try it with
            ring = node.log.ring
            waits = self.minutes < patience and ring.refused and not ring.spare_ready()
            if node.noted and proven and not waits and not status.alarms(node):
                break
            time.sleep_ms(_MINUTE_MS)
            self.minutes += 1
            if node.is_silent() or not (proven or node.pending()):
                node.sample(1)
        else:
            if not lasts:  # else an alarm of the journal may stay while nothing is sampled
                self.trouble = "not well within %d minutes" % _PATIENCE
        node.sample(3)
        node.do(node.work)
        error = node.do(node.stop)
        while error and lasts and self.minutes < patience:  # what was ready is worn out: once more
            time.sleep_ms(_MINUTE_MS)
            self.minutes += 1
            error = node.do(node.stop)
        node.do(node.ask_index)
        if error or node.pending() or status.alarms(node):
            self.trouble = self.trouble or "not well again: %r, %d waiting, %r" % (
                error,
                len(node.pending()),
                status.alarms(node),
            )
        self._look(node)

    def image(self):
        """The cells."""
        return self._flash.image

    def account(self):
        """For the judge."""
        nodes, flash, plan = self._nodes, self._flash, self._plan
        return {
            "boots": [account for node in nodes for account in node.accounts()],
            "starts": len(nodes),
            "lost": nodes[-1].keeper.lost(),
            "false": [each for node in nodes for each in node.false],
            "mute": [node.mute for node in nodes if node.mute],
            "crash": [node.crash for node in nodes if node.crash],
            "passed": sum([node.log.ring.bad_pages for node in nodes]),
            "most_erases": max([node.most_erases for node in nodes]),
            "erases": flash.tries,
            "hurt": flash.pages_hurt,
            "index": [nodes[-1].log.epoch, nodes[-1].index],
            "asked": flash.asked,
            "echoed": flash.echoed,
            "flips": self._flips,
            "lasts": any(lie.lasts for lie in plan.lies),
            "bare": not plan.lies + plan.again,
            "blind": any(lie.is_steady(plan.start_reads) for lie in plan.lies + plan.again),
            "minutes": self.minutes,
            "trouble": self.trouble,
            "faults": sum([lie.hits > 0 for lie in plan.lies + plan.again]),
            "plan": plan.text,
            "borne": plan.is_borne(),
        }


def main(seed, first, count, places=(), draw="draw", later=0):
    """Trials `first` to `first + count - 1` of this seed; `places` are for Plan.move, and `draw` is
    the name of what draws plans. `later`: so many programs fewer a start made when these trials
    were drawn, and their faults lie as much later now.
    """
    gc.threshold(1 << 22)  # else what a trial keeps lies all over the heap, and no report fits
    more = {PROGRAM: later, READ: later, "all": 2 * later}  # each program is read back
    bases = []
    trials = range(first, first + count)
    wanted = {i // fault_bases.OF_A_RUN % len(REGIMES) for i in trials}
    for i, regime in enumerate(REGIMES):
        if i in wanted:
            fault_bases.add(bases, seed * 4 + i, regime)
        else:
            bases += [None] * fault_bases.OF_A_RUN
    for i in trials:
        base = bases[i % len(bases)]
        if base.counts is None:
            base.counts = _count(base)
        now = base.counts
        base.counts = _fewer(now, more)
        plan = getattr(fault_plans, draw)(base, seed * 1000003 + i * 7919, i // len(bases))
        base.counts = now
        plan.move(places)
        plan.wait(more, now)
        trial = Trial(base, plan, seed + i)
        trial.run()
        event = trial.account()
        event["trial"] = i
        event["base"] = base.index
        tell(event, trial.image())


def _fewer(counts, more):
    """`counts` of a base before its starts made so many operations `more`, by kind."""
    return {
        kind: (start - more.get(kind, 0), run, both - more.get(kind, 0))
        for kind, (start, run, both) in counts.items()
    }


def _count(base):
    """{kind: (operations of a start, of the records behind it, of both)}, without a fault."""
    flash = LyingFlash(BLOCKS, base.image, lambda: 0, 1)
    began_ms = time.now_ms
    node = Node(flash, base.setup, base.seed + 77, base.regime)
    node.boot(0x7777)
    start = dict(flash.counts)
    node.run(fault_plans.RECORDS)
    time.now_ms = began_ms
    counts = {}
    for kind, both in flash.counts.items():
        counts[kind] = start[kind], both - start[kind], both
    counts["all"] = tuple(sum([counts[kind][i] for kind in flash.counts]) for i in range(3))
    return counts
