# SPDX-License-Identifier: MIT
"""One boot of a node on a flash that errs, run as begin.py and app.py do, and what became of it:
what it acknowledged under which (epoch, boot), what it answered, and what it said of itself.
"""

import struct

import faststart  # noqa: F401
import nochip  # noqa: F401 - alarms come by way of hal
from faketime import time
from lying_flash import PowerCut, StuckError
from writer import INTERVAL_MS, Writer

from tirta_format import frame
from tirta_node.requests import pages, status


class _Chip:
    """What a status says of the chip."""

    @staticmethod
    def node_id():
        return "001122334455"

    @staticmethod
    def reset_cause():
        return 1


status.chip = _Chip


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
        self.begun_by = None  # the recorder whose notes were begun
        self.parts = []  # (epoch, boot, number of its first record, its place in `samples`)
        self.proven = 0  # behind the last record that was acknowledged while a program had worked
        self.told = []  # [epoch, number]: what a laptop has, and said so
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
        error = self.do(self.begin, epoch)
        if error is not None:
            self.keeper.fail(error)

    def _notes(self, changed, seq, stopped, end_unix_ms):
        log = self.log
        self.begun_by = self.keeper._recorder
        last = self.parts[-1] if self.parts else (0, 0, 0)
        if last[:2] == (log.epoch, log.boot) and self.proven == last[2] != log.number:
            self.parts.pop()  # that start left nothing behind, not even its boot
            last = 0, 0, 0
        if last[:2] != (log.epoch, log.boot):
            self.parts.append((log.epoch, log.boot, log.number, self._logged()))
            self.proven = log.number
        if self.begun is not None:
            self.begun = log.number - self._logged()  # a start before this one found another
        before = self.log.lost
        super()._notes(changed, seq, stopped, end_unix_ms)
        self.noted_power += self.log.lost - before

    def _logged(self):
        """How many of `samples` are in the log: the ring has the others."""
        return len(self.samples) - self.ring.count()

    def is_sure(self):
        """Whether what it counts as acknowledged is: it records, a program has worked, and no start
        has found another end since without a word of it.
        """
        attempts = self.log.attempts
        begun = self.log.epoch, self.log.boot
        if self.parts and self.parts[-1][:2] != begun:
            return False
        recorder = self.keeper._recorder
        if recorder is None or recorder is not self.begun_by:
            return False
        return attempts.proof != attempts.count

    def look(self, epoch, number):
        """What the node says of itself when the newest record is this one."""
        log = self.log
        told = log.epoch, self.keeper.number()
        wrong = not log.epoch or (log.epoch == epoch and told[1] < number)
        if wrong and not status.alarms(self):
            self.false = [told]

    def ask_status(self):
        """A technician does: the worse the flash, the more they need it."""
        try:
            status.status(self, 0)
        except OSError as error:
            self.mute = str(error)

    def tell_pulled(self):
        """A laptop has everything that is acknowledged."""
        log = self.log
        epoch, number = log.epoch, log.number
        self.told.append([epoch, number])
        if not epoch or self.do(self._request_pulled, epoch, number) is None:
            self.answered.append([epoch, number])

    def _request_pulled(self, epoch, number):
        payload = epoch.to_bytes(4, "little") + number.to_bytes(4, "little")
        pages.handle(self, self, frame.PULLED, 0, payload)

    def answer(self, kind, sequence, payload):
        """As a console does."""
        if kind == frame.INDEX:
            size = struct.calcsize(frame.INDEX_ENTRY)
            entries = range(1, len(payload), size)
            self.index = [struct.unpack_from(frame.INDEX_ENTRY, payload, at)[0] for at in entries]

    def ask_index(self):
        """Which pages a laptop could pull."""
        pages.handle(self, self, frame.INDEX, 0, bytes(4))

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
                acked = max(0, (self.keeper.number() if self.is_sure() else self.proven) - number)
            account = {"epoch": epoch, "boot": boot, "start": number, "acked": acked}
            account.update(samples=samples, answered=[], told=[])
            told.append(account)
        told[-1].update(answered=self.answered, told=self.told)
        return told
