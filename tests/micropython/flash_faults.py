# SPDX-License-Identifier: MIT
"""Runs the firmware's log on a flash that errs for a while, thousands of times a process.

A *base* is a partition as a run left it at some moment, and what is true of it. A *trial* takes a
copy of one, draws a fault from its seed, starts the node, samples, cuts the power or not, heals the
flash, and waits until the node is well again. What happened goes to stdout, a JSON line and the
cells of the flash; tests/host/fault_oracle.py decides.
"""

import gc
import struct

import faststart  # noqa: F401
import fault_bases
import fault_plans
import nochip  # noqa: F401 - alarms come by way of hal
from faketime import time
from fault_bases import BLOCKS
from lying_flash import LyingFlash, PowerCut, StuckError
from nor import BLOCK, Random
from writer import EACH, FEW, INTERVAL_MS, MANY, NEVER, Writer, tell

from tirta_format import frame
from tirta_node import report, stream

REGIMES = (EACH, FEW, MANY, NEVER)
_SIZE = BLOCKS * BLOCK
_MINUTE_MS = 61000
_PATIENCE = 400  # minutes until a node on sound flash is to be well again


class _Chip:
    """What a status says of the chip."""

    @staticmethod
    def node_id():
        return "001122334455"

    @staticmethod
    def reset_cause():
        return 1


report.chip = _Chip


class Node(Writer):
    """One boot, as begin.py and app.py run it, and what became of it."""

    def __init__(self, flash, setup, seed, regime):
        super().__init__(flash, setup, time, seed, regime)
        self.flash = flash
        self.alarms = self.gate = self.sampler = None  # what report.py asks for
        self.config_problem = ""
        self.config = {"interval_ms": INTERVAL_MS}
        self.console = self
        self.dropped = 0
        self.index = []  # sequences of the pages that a laptop could pull
        self.mute = ""  # why it did not answer a status
        self.crash = ""
        self.most_erases = 0
        self.noted_power = 0
        self.parts = []  # (epoch, boot, number of its first record, its place in `samples`)
        self.answered = []  # [epoch, number]: what a laptop has, and the node said that it knows
        self.false = []  # what the node said of itself while it was not true

    def do(self, call, *args):
        """One attempt: whatever it raises, the node goes on."""
        before = self.flash.tries
        try:
            call(*args)
        except OSError as error:
            return error
        except (PowerCut, StuckError):
            raise
        except Exception as error:  # noqa: BLE001 - no other error may come out of the node
            self.crash = self.crash or repr(error)
            return error
        finally:
            self.most_erases = max(self.most_erases, self.flash.tries - before)
        return None

    def boot(self, epoch):
        """As begin.py starts it."""
        error = self.do(self.start, epoch)
        if error is not None:
            self.keeper.fail(error)

    def _notes(self, changed, seq, stopped, end_unix_ms):
        log = self.log
        last = self.parts[-1] if self.parts else (0, 0)
        if last[:2] != (log.epoch, log.boot):
            self.parts.append((log.epoch, log.boot, log.number, self._logged()))
        before = self.log.lost
        super()._notes(changed, seq, stopped, end_unix_ms)
        self.noted_power += self.log.lost - before

    def _logged(self):
        """How many of `samples` are in the log: the ring has the others."""
        return len(self.samples) - self.ring.count()

    def look(self, epoch, number):
        """What the node says of itself when the newest record is this one."""
        log = self.log
        told = log.epoch, self.keeper.number()
        wrong = not log.epoch or (log.epoch == epoch and told[1] < number)
        if wrong and not report.alarms(self):
            self.false = [told]

    def ask_status(self):
        """A technician does: the worse the flash, the more they need it."""
        try:
            report.status(self, 0)
        except OSError as error:
            self.mute = str(error)

    def tell_pulled(self):
        """A laptop has everything that is acknowledged."""
        log = self.log
        epoch, number = log.epoch, log.number
        if not epoch or self.do(self._request_pulled, epoch, number) is None:
            self.answered.append([epoch, number])

    def _request_pulled(self, epoch, number):
        payload = epoch.to_bytes(4, "little") + number.to_bytes(4, "little")
        stream.handle(self, self, frame.PULLED, 0, payload)

    def answer(self, kind, sequence, payload):
        """As a console does."""
        if kind == frame.INDEX:
            size = struct.calcsize(frame.INDEX_ENTRY)
            entries = range(1, len(payload), size)
            self.index = [struct.unpack_from(frame.INDEX_ENTRY, payload, at)[0] for at in entries]

    def ask_index(self):
        """Which pages a laptop could pull."""
        stream.handle(self, self, frame.INDEX, 0, bytes(4))

    def accounts(self):
        """One for each (epoch, boot) under which it wrote: usually one."""
        parts = self.parts or [(None, 0, 0, 0)]
        ends = [part[3] for part in parts[1:]] + [len(self.samples)]
        told = []
        for (epoch, boot, number, first), end in zip(parts, ends):
            samples = [[boot] + sample[1:] for sample in self.samples[first:end]]
            acked = len(samples)
            if not self.parts:
                acked = 0
            elif len(told) == len(parts) - 1:
                acked = self.keeper.number() - number
            account = {"epoch": epoch, "boot": boot, "start": number, "acked": acked}
            account.update(samples=samples, answered=[])
            told.append(account)
        told[-1]["answered"] = self.answered
        return told


class Trial:
    """One fault, from the base on."""

    def __init__(self, base, plan, seed):
        self._base = base
        self._plan = plan
        self._seed = seed
        self._began_ms = time.now_ms
        self._flash = LyingFlash(BLOCKS, base.image, self._now_ms, seed)
        self._flips = []
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
            self._rest(0)
            self._boot(plan.records, self._base.slot)
            if plan.restarts:
                flash.cut_at = None
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

    def _boot(self, records, slot=0):
        base = self._base
        node = Node(self._flash, base.setup, base.seed + 77 + len(self._nodes), base.regime)
        self._nodes.append(node)
        if slot:
            node.slot = slot
            node.ring.begin(slot)
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
        if node.noted and node.log.epoch == self._epoch:
            self._number = max(self._number, node.keeper.number())
        elif node.noted:
            self._epoch, self._number = node.log.epoch, node.keeper.number()

    def _recover(self):
        """On sound flash it is well again by itself, and takes what comes."""
        node = self._nodes[-1]
        for _ in range(_PATIENCE):
            node.do(node.work)
            self._look(node)
            if node.noted and not report.alarms(node):
                break
            time.sleep_ms(_MINUTE_MS)
            self.minutes += 1
            if node.is_silent():
                node.sample(1)
        node.sample(3)
        node.do(node.work)
        error = node.do(node.stop)
        node.do(node.ask_index)
        if error or node.pending() or report.alarms(node):
            self.trouble = self.trouble or "not well again: %r, %d waiting, %r" % (
                error,
                len(node.pending()),
                report.alarms(node),
            )
        self._look(node)

    def image(self):
        """The cells."""
        return self._flash.image

    def account(self):
        """For the judge."""
        nodes = self._nodes
        flash = self._flash
        return {
            "boots": [account for node in nodes for account in node.accounts()],
            "starts": len(nodes),
            "lost": nodes[-1].keeper.lost(),
            "false": [each for node in nodes for each in node.false],
            "mute": [node.mute for node in nodes if node.mute],
            "crash": [node.crash for node in nodes if node.crash],
            "most_erases": max([node.most_erases for node in nodes]),
            "erases": flash.tries,
            "hurt": flash.pages_hurt,
            "index": [nodes[-1].log.epoch, nodes[-1].index],
            "asked": flash.asked,
            "flips": self._flips,
            "bare": not self._plan.lies + self._plan.again,
            "minutes": self.minutes,
            "trouble": self.trouble,
            "hits": sum([lie.hits for lie in self._plan.lies + self._plan.again]),
            "plan": self._plan.text,
        }


def main(seed, first, count):
    """Trials `first` to `first + count - 1` of this seed."""
    gc.threshold(1 << 22)  # else what a trial keeps lies all over the heap, and no report fits
    bases = []
    for i, regime in enumerate(REGIMES):
        fault_bases.add(bases, seed * 4 + i, regime)
    for i in range(first, first + count):
        base = bases[i % len(bases)]
        if base.counts is None:
            base.counts = _count(base)
        plan = fault_plans.draw(base, seed * 1000003 + i * 7919, i // len(bases))
        trial = Trial(base, plan, seed + i)
        trial.run()
        event = trial.account()
        event["trial"] = i
        event["base"] = base.index
        tell(event, trial.image())


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
