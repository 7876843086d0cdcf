# SPDX-License-Identifier: MIT
"""Drives the firmware's Keeper as app.py does, from made-up samples, and keeps account of them.

A *setup* is a config: its text, its number of channels, and the channels that are counted. A
*sample* is [boot, slot, values, flags]; the `i`-th of a boot is to become its record number
`start + i`. It is acknowledged once `Keeper.number()` has passed it.
"""

import json
import sys

from nor import Random

from tirta_format import meta
from tirta_format.config import config_hash
from tirta_node.clock import Clock
from tirta_node.storage import next_page
from tirta_node.storage.keeper import Keeper
from tirta_node.storage.ring import Ring

INTERVAL_MS = 4000  # so that the journal of a few pages lasts, and is used
FLAGS = (1, 1, 1, 1, 1, 1, 1, 2, 3, 9)
# Records that may wait for a commit: none is ever due; each; a few; whole chunks and more.
NEVER, EACH, FEW, MANY = 1000, 1, 7, 25
_LOOK_MS = 1000
_ROOM_MS = 900  # enough for an erase


class Setup:
    def __init__(self, text, channels, counted):
        self.channels = channels
        self.counted = counted
        self.text = text
        self.hash = config_hash(text)


def filler(word, size):
    """A text that is no config, of as many bytes: the log does not look into it."""
    return (word * (size // len(word) + 1))[:size]


FIRST = Setup(filler(b"first ", 1500), 3, {0: "flow"})
SECOND = Setup(filler(b"second ", 700), 5, {2: "flow", 4: "rain"})
ONE = Setup(filler(b"one ", 300), 1, {})
TWELVE = Setup(filler(b"twelve ", 900), 12, {1: "flow", 9: "rain"})


def tell(event, image):
    """To the test on the laptop: a line of JSON and a flash image."""
    sys.stdout.buffer.write(json.dumps(event).encode() + b"\n")
    sys.stdout.buffer.write(image)


class Writer:
    """One boot of a node. `regime`: how many records may wait for a commit."""

    def __init__(self, flash, setup, time, seed, regime=FEW, interval_ms=INTERVAL_MS):
        self.setup = setup
        self.time = time
        self._random = Random(seed)
        self._interval_ms = interval_ms
        self.window = regime + 1  # records that a cut may take
        self.clock = Clock()
        self.ring = Ring(setup.channels)
        self.keeper = Keeper(flash, self.clock, self.ring, interval_ms, regime * interval_ms)
        self.log = self.keeper.log
        self.slot = 0
        self.samples = []
        self.begun = None  # number of the first record, once the node has started
        self.totals_at_start = self.epoch_at_start = None
        self.noted = False  # its notes are begun
        self.cause = 1  # why it starts
        self._walk = [0] * setup.channels
        self._flags = bytes([1] * setup.channels)

    def start(self, epoch=1):
        """As `begin`, and once more where a page may be another, read wrongly."""
        try:
            self.begin(epoch)
        except OSError:
            if not self.log.looked:
                raise
            self.time.sleep_ms(_LOOK_MS)
            self.begin(epoch)

    def begin(self, epoch):
        """As Node.start: find the head, say why we are here."""
        setup = self.setup
        self.keeper.start(setup.hash, setup.counted, epoch, self._notes)
        if self.begun is None:  # its notes wait for a record
            self._begin()

    def _begin(self):
        log = self.log
        self.begun = log.number
        self.totals_at_start = dict(log.totals)
        self.epoch_at_start = log.epoch

    def _notes(self, changed, seq, stopped, end_unix_ms):
        log = self.log
        self.noted = True
        if self.begun is None:
            self._begin()
        if changed:
            next_page.note_config(log, self.setup.text)
        log.note(meta.boot(log.uptime_ms(), log.boot, self.cause, "1.0", "test"))
        if seq:
            reason = meta.LOSS_UNATTENDED if stopped else meta.LOSS_POWER
            log.note_loss(reason, 0 if stopped else self.window, 0)

    def sample(self, n=1, gap=0):
        """Put `n` samples into the ring, after `gap` slots without one."""
        self.slot += gap
        for _ in range(n):
            self._one()
            self.time.sleep_ms(self._interval_ms)

    def _one(self):
        if self.ring.is_full():
            self.ring.refused += 1
            self.slot += 1
            return
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
        ring = self.ring
        for i in range(len(values)):
            ring.values[i] = values[i]
            ring.flags[i] = self._flags[i]
        ring.push(self.slot)
        shown = [v if f != 9 else None for v, f in zip(values, self._flags)]
        self.samples.append([self.log.boot, self.slot, shown, list(self._flags)])
        self.slot += 1

    def is_silent(self):
        """It started and has written nothing of this boot, for it waits for a record."""
        return self.begun is not None and not self.noted

    def acked(self):
        """How many of `samples` are acknowledged; also in the middle of a commit."""
        return 0 if self.begun is None else self.keeper.number() - self.begun

    def pending(self):
        """Samples that are not acknowledged."""
        return self.samples[self.acked() :]

    def acks(self):
        """[number, sample] of each that is."""
        return [[self.begun + i, self.samples[i]] for i in range(self.acked())]

    def work(self, left_ms=_ROOM_MS):
        """What the slack between two samples is used for."""
        self.keeper.work(left_ms)

    def run(self, records, room=lambda i: True):
        """Sample so many records; `room(i)`: whether the i-th has time for an erase behind it."""
        for i in range(records):
            self.sample(1, gap=i % 11 == 5)
            self.work(100)
            if room(i):
                self.work()

    def commit(self):
        """Bring everything into the log, as a laptop's request does."""
        self.keeper.settle()

    def stop(self, reason=meta.STOP_RESTART):
        self.keeper.settle()
        next_page.stop(self.log, reason)

    def prepare_config(self):
        """As Node.keep_config, before the new text is stored."""
        self.keeper.settle(self.log.checkpoint)
