# SPDX-License-Identifier: MIT
"""Cuts the power at every flash operation of a run, in every shape, and once more in each restart.

What happened goes to stdout, a JSON line and a flash image at a time; who reads it
(tests/host/oracle.py) decides. Before each operation of the run its flash is *forked*: a copy gets
the torn operation and is restarted, while the run itself goes on.
"""

from faketime import time
from nor import SHAPES, Flash
from writer import FIRST, SECOND, Writer, tell

BLOCKS = 3
AFTER_RESTART = 3  # records that a restarted node writes before it is looked at


class Campaign:
    def __init__(self, seed, records):
        self._seed = seed
        self._records = records
        self._flash = Flash(BLOCKS)
        self._flash.watch = self._cut_here
        self._setup = FIRST
        self._writer = None
        self._told = 0
        self.cuts = 0

    def run(self):
        """A first boot, a reboot, a new config, an end in order."""
        parts = ((FIRST, 5), (FIRST, 6), (SECOND, 7))
        for part, (setup, batch) in enumerate(parts):
            self._setup = setup
            writer = self._writer = Writer(self._flash, setup, time, self._seed + part)
            self._told = 0
            writer.start(epoch=self._seed)
            self._log_some(writer, self._records // len(parts), batch)
            if part + 1 < len(parts) and parts[part + 1][0] is not setup:
                writer.prepare_config()
                self._setup = parts[part + 1][0]
            writer.stop()
        tell({"end": True, "cuts": self.cuts}, self._flash.image)

    def _log_some(self, writer, records, batch):
        while records > 0:
            n = 1 + (records * 7 + batch) % batch
            if records % 13 == 0:
                n = 30  # one commit of several chunks, often over a page turn
            n = min(n, records)
            writer.sample(n, gap=records % 11 == 0)
            writer.commit()
            if records % 3:
                writer.log.erase_ahead()
            records -= n

    def _cut_here(self, kind, block, offset, data):
        writer = self._writer
        writer.settle()
        acks = [[n, writer.acks[n]] for n in sorted(writer.acks) if n >= self._told]
        if acks:
            self._told = acks[-1][0] + 1
        event = {"operation": self._flash.operations, "kind": kind, "block": block, "acks": acks}
        event["pending"] = writer.pending
        tell(event, self._flash.image)
        for i, shape in enumerate(SHAPES):
            seed = self._seed * 1000003 + self._flash.operations * 31 + i
            torn = self._flash.torn(kind, block, offset, data, shape, seed)
            self._restart(torn, seed, {"shape": shape}, True)

    def _restart(self, flash, seed, event, again):
        """Start on what the cut left; `again`: cut this at each of its operations too."""
        self.cuts += 1
        before = time.now_ms
        image = bytes(flash.image)
        writer = Writer(flash, self._setup, time, seed)
        if again:
            flash.watch = lambda *operation: self._cut_again(flash, writer, seed, event, operation)
        writer.start(epoch=0x7777)
        writer.sample(AFTER_RESTART)
        writer.commit()
        flash.watch = None
        time.now_ms = before
        tell(self._account(event, writer, flash), flash.image)
        if again:
            self._finish(image, seed, event)

    def _finish(self, image, seed, event):
        """The same restart, with a page turn ahead and an end in order."""
        flash = Flash(BLOCKS, image)
        writer = Writer(flash, self._setup, time, seed + 1)
        writer.start(epoch=0x7777)
        writer.sample(2)
        writer.commit()
        writer.log.erase_ahead()
        writer.sample(2)
        writer.stop()
        tell(self._account(event, writer, flash), flash.image)

    def _cut_again(self, flash, writer, seed, event, operation):
        writer.settle()
        first = self._account(event, writer, flash)
        shape = SHAPES[(seed + flash.operations) % len(SHAPES)]
        torn = flash.torn(*operation, shape, seed + flash.operations)
        torn.erased = list(flash.erased)
        if operation[0] == "erase":
            torn.erased.append(operation[1])
        first["again"] = shape
        self._restart(torn, seed + 77, first, False)

    def _account(self, event, writer, flash):
        """`event` and one more boot: what it found, acknowledged, and left."""
        boot = {
            "epoch": getattr(writer, "epoch_at_start", None),
            "start": getattr(writer, "number_at_start", None),
            "totals": getattr(writer, "totals_at_start", None),
            "acks": [[n, writer.acks[n]] for n in sorted(writer.acks)],
            "pending": list(writer.pending),
        }
        out = dict(event)
        out["boots"] = event.get("boots", []) + [boot]
        out["erased"] = list(flash.erased)
        return out


def main(seed, records):
    Campaign(seed, records).run()
