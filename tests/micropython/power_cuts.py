# SPDX-License-Identifier: MIT
"""Cuts the power at every flash operation of a run, in every shape, and once more in each restart.

What happened goes to stdout, a JSON line and a flash image at a time; who reads it
(tests/support/oracle.py) decides. Before each operation of the run its flash is *forked*: a copy
gets the torn operation and is restarted, while the run itself goes on. So no cut replays the run.
"""

import faststart  # noqa: F401
from faketime import time
from nor import SHAPES, Flash, Random
from writer import EACH, FEW, FIRST, MANY, NEVER, SECOND, Writer, tell

BLOCKS = 7  # a journal of 4 pages and a log of 3
AFTER_RESTART = 3  # records that a restarted node writes before it is looked at
SETUPS = (FIRST, FIRST, FIRST, SECOND)
# (records that may wait, share of the run): their order depends on the seed.
REGIMES = ((NEVER, 35), (EACH, 8), (FEW, 22), (MANY, 35))


class Campaign:
    def __init__(self, seed, records):
        self._seed = seed
        self._records = records
        self._random = Random(seed)
        self._flash = Flash(BLOCKS)
        self._flash.watch = self._cut_here
        self._setup = FIRST
        self._regime = FEW
        self._writer = None
        self._told = 0
        self.cuts = 0

    def run(self):
        """Boots with different commits, a new config, an end in order."""
        for part, setup in enumerate(SETUPS):
            regime, share = REGIMES[(part + self._seed) % len(REGIMES)]
            self._setup = setup
            self._regime = regime
            writer = self._writer = Writer(self._flash, setup, time, self._seed + part, regime)
            self._told = 0
            writer.start(epoch=self._seed)
            writer.run(self._records * share // 100, self._has_room)
            if part + 1 < len(SETUPS) and SETUPS[part + 1] is not setup:
                writer.prepare_config()
                self._setup = SETUPS[part + 1]
            writer.stop()
        self._tell({"end": True})

    def _has_room(self, _):
        return self._random.next() % 3 != 0

    def _tell(self, event):
        """The flash of the run, and the samples that were not told yet."""
        event["cuts"] = self.cuts
        writer = self._writer
        event["samples"] = writer.samples[self._told :]
        event["acked"] = None if writer.begun is None else writer.begun + writer.acked()
        self._told = len(writer.samples)
        tell(event, self._flash.image)

    def _cut_here(self, kind, block, offset, data):
        page = self._flash.page(block)
        self._tell({"operation": self._flash.operations, "kind": kind, "page": page})
        for i, shape in enumerate(SHAPES):
            seed = self._seed * 1000003 + self._flash.operations * 31 + i
            torn = self._flash.torn(kind, block, offset, data, shape, seed)
            self._restart(torn, seed, {"shape": shape}, True)

    def _restart(self, flash, seed, event, again):
        """Start on what the cut left; `again`: cut this at each of its operations too."""
        self.cuts += 1
        before = time.now_ms
        image = bytes(flash.image) if again else None
        writer = Writer(flash, self._setup, time, seed, EACH if seed % 2 else FEW)
        writer.window = max(self._regime, AFTER_RESTART, FEW) + 1
        if again:
            flash.watch = lambda *operation: self._cut_again(flash, writer, seed, event, operation)
        writer.start(epoch=0x7777)
        writer.sample(AFTER_RESTART)
        writer.work()
        if writer.keeper.problem:  # more than three pages were to be erased at once
            time.sleep_ms(1000)
            writer.work()
        flash.watch = None
        time.now_ms = before
        tell(self._account(event, writer, flash), flash.image)
        if again:
            self._finish(image, seed, event)

    def _finish(self, image, seed, event):
        """The same restart, with a page turn ahead and an end in order."""
        before = time.now_ms
        flash = Flash(BLOCKS, image)
        writer = Writer(flash, self._setup, time, seed + 1)
        writer.window = self._regime + 1
        writer.start(epoch=0x7777)
        writer.sample(2)
        writer.commit()
        writer.log.erase_ahead()
        writer.sample(2)
        writer.stop()
        time.now_ms = before
        tell(self._account(event, writer, flash), flash.image)

    def _cut_again(self, flash, writer, seed, event, operation):
        first = self._account(event, writer, flash)
        shape = SHAPES[(seed + flash.operations) % len(SHAPES)]
        torn = flash.torn(*operation, shape, seed + flash.operations)
        torn.pages_erased = list(flash.pages_erased)
        if operation[0] == "erase":
            torn.pages_erased.append(flash.page(operation[1]))
        first["again"] = shape
        self._restart(torn, seed + 77, first, False)

    def _account(self, event, writer, flash):
        """`event` and one more boot: what it found, acknowledged, and left."""
        boot = {
            "epoch": writer.epoch_at_start,
            "start": writer.begun,
            "totals": writer.totals_at_start,
            "acked": writer.acked(),
            "samples": list(writer.samples),
            "silent": writer.is_silent(),
        }
        out = dict(event)
        out["boots"] = event.get("boots", []) + [boot]
        out["erased"] = list(flash.pages_erased)
        out["cuts"] = self.cuts
        return out


def main(seed, records):
    Campaign(seed, records).run()
