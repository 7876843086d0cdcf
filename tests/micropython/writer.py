# SPDX-License-Identifier: MIT
"""Drives the firmware's Log as app.py does, from made-up samples, and keeps account of them.

A *setup* is a config: its text, its number of channels, and the channels that are counted. A
*sample* is [boot, slot, values, flags]. `pending` are samples that are not acknowledged.
"""

import json
import sys

from nor import Random

from tirta_format import meta
from tirta_format.config import config_hash
from tirta_node.clock import Clock
from tirta_node.log import Log
from tirta_node.ring import Ring

INTERVAL_MS = 1000
FLAGS = (1, 1, 1, 1, 1, 1, 1, 2, 3, 9)


class Setup:
    def __init__(self, text, channels, counted):
        self.channels = channels
        self.counted = counted
        self.text = text
        self.hash = config_hash(text)


def filler(word, size):
    """A text that is no config, of as many bytes: the log does not look into it."""
    return (word * (size // len(word) + 1))[:size]


FIRST = Setup(filler(b"first ", 1500), 12, {0: "flow"})
SECOND = Setup(filler(b"second ", 700), 9, {2: "flow", 5: "rain"})


def tell(event, image):
    """To the test on the laptop: a line of JSON and a flash image."""
    sys.stdout.buffer.write(json.dumps(event).encode() + b"\n")
    sys.stdout.buffer.write(image)


class Writer:
    """One boot of a node. `acks` maps numbers to samples of this boot."""

    def __init__(self, flash, setup, time, seed, interval_ms=INTERVAL_MS):
        self.setup = setup
        self.time = time
        self._random = Random(seed)
        self._interval_ms = interval_ms
        self.ring = Ring(setup.channels)
        self.log = Log(flash, Clock(), setup.channels, setup.counted)
        self._clock = self.log._clock
        self.slot = 0
        self.pending = []
        self.acks = {}
        self._walk = [0] * setup.channels
        self._flags = bytes([1] * setup.channels)
        self._base = 0
        self._started = False

    def start(self, epoch=1):
        """As Node.start: find the head, say why we are here."""
        log = self.log
        found = log.start(self.setup.text, self.setup.hash, epoch)
        self.number_at_start = self._base = log.number
        self._started = True
        self.totals_at_start = dict(log.totals)
        self.epoch_at_start = log.epoch
        if found.config_hash != self.setup.hash or not found.resume or not found.begun:
            log.log_config()
        log.note(meta.boot(self._clock.uptime_ms(), log.boot, 1, "1.0", "test"))
        if found.seq:
            reason = meta.LOSS_UNATTENDED if found.stopped else meta.LOSS_POWER
            log.note_loss(reason, 0 if found.stopped else 9, 0)
        return found

    def sample(self, n=1, gap=0):
        """Put `n` samples into the ring, after `gap` slots without one."""
        self.slot += gap
        for _ in range(n):
            self._one()
            self.time.sleep_ms(self._interval_ms)

    def _one(self):
        random = self._random
        values, walk = [], self._walk
        if random.next() % 8 == 0:
            self._flags = bytes([FLAGS[random.next() % len(FLAGS)] for _ in walk])
        for i in range(len(walk)):
            if i in self.setup.counted:
                values.append(random.next() % 300)
            else:
                step = random.next() >> random.next() % 32  # small steps and huge ones
                walk[i] = (
                    walk[i] + (step if step & 1 else -step) + 0x80000000 & 0xFFFFFFFF
                ) - 0x80000000
                values.append(walk[i])
        at = self.ring.free()
        for i in range(len(values)):
            self.ring.values[at + i] = values[i]
            self.ring.flags[at + i] = self._flags[i]
        self.ring.push(self.slot)
        shown = [v if f != 9 else None for v, f in zip(values, self._flags)]
        self.pending.append([self.log.boot, self.slot, shown, list(self._flags)])
        self.slot += 1

    def commit(self):
        """Acknowledge what the ring holds."""
        try:
            self.log.commit(self.ring)
        finally:
            self.settle()

    def settle(self):
        """Take over what the log has acknowledged since; also in the middle of a commit."""
        while self._started and self._base < self.log.number:
            self.acks[self._base] = self.pending.pop(0)
            self._base += 1

    def stop(self, reason=meta.STOP_RESTART):
        self.commit()
        self.log.checkpoint()
        self.log.note(meta.stop(self._clock.uptime_ms(), reason))

    def prepare_config(self):
        """As Node.keep_config, before the new text is stored."""
        self.commit()
        self.log.checkpoint()
