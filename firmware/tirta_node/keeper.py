# SPDX-License-Identifier: MIT
"""Keeps records: from the ring, by way of the journal, to the log.

`work` is called between samples and does one thing that is due. When the flash refuses, sampling
goes on, `problem` says what is wrong, and a minute later it is tried again.
"""

from micropython import const

from tirta_format import meta
from tirta_node import rarely, window
from tirta_node.journal import Journal
from tirta_node.log import Log
from tirta_node.packer import Packer
from tirta_node.recorder import Recorder

_ERASE_ROOM_MS = const(500)  # an erase lasts up to 400 ms
_USED = const(3)  # of the ring's state: a global name would cost as much as the rest
# What `work` did: pieces whose durations are recorded.
NOTHING, ENCODE, COMMIT, ERASE = -1, 0, 1, 2
_RETRY_MS = const(60000)
_IDLE = const(1024)  # bytes: the notes of a dozen starts
_NOTES_MS = const(60000)


class Keeper:
    """`flash` is the partition; records come every `interval_ms` and are durable in `commit_ms`."""

    def __init__(self, flash, clock, ring, interval_ms, commit_ms):
        journal, log = window.halves(flash)
        self.log = Log(log, clock)
        self.problem = ""
        self._journal = Journal(journal, self.log, ring.channels)
        self._recorder = None
        self._packer = Packer(ring)  # now: later no hole is large enough for it
        self._clock = clock
        self._ring = ring
        self._state = ring.state
        self._quiet = 0  # while the ring has fewer records, there is nothing to do
        self._interval_ms = interval_ms
        self._commit_ms = commit_ms
        self._retry_at_ms = 0
        self._refused = 0  # of the ring, and noted
        self.erase_room_ms = _ERASE_ROOM_MS

    def start(self, config_hash, counted, random_u32, notes):
        """Find log and journal, bring them together, and begin a boot under the config with this
        hash: `notes(changed, sequence of the newest page or 0, whether the boot before was
        stopped, Unix time in ms of its end or 0)` writes what the log is to say of it, and the text
        of the config if `changed`. Raises OSError.

        Where the starts before this one left more than _IDLE bytes and no record, it waits with
        that for a record, or for a minute: a supply that breaks down in each start would fill the
        log with starts.
        """
        log = self.log
        try:
            found = log.find(random_u32)
            brought = self._journal.start(counted, config_hash)
            changed = log.use(self._ring.channels, counted, config_hash)
        finally:
            log.count(counted)
            pages = log.flash.blocks + self._journal.flash.blocks
            pace = pages, self._ring.channels, self._interval_ms, self._commit_ms
            batch = rarely.call("tirta_format.wear", "by_chunks", *pace)
            parts = self._ring, self._journal, log, self._packer, self._wake, batch
            self._recorder = Recorder(*parts)
        changed = changed or not found.begun
        # Not `found` itself: an object keeps its module in RAM, while the notes wait.
        before = found.seq, found.stopped, found.end_unix_ms()
        self._recorder.notes = lambda: notes(changed, *before)
        if brought or found.idle <= _IDLE:
            self._recorder.begin_boot()

    @property
    def commit_ms(self):
        """A record is durable in so long; 0: the battery is low, and what comes is at once."""
        return self._commit_ms

    @commit_ms.setter
    def commit_ms(self, commit_ms):
        self._commit_ms = commit_ms
        self._quiet = 0

    def erase_within(self, period_ms):
        """Samples come every `period_ms`: where an erase outlasts that it begins behind one."""
        self.erase_room_ms = min(_ERASE_ROOM_MS, period_ms * 3 // 4)

    def find(self, random_u32):
        """Find the log to read from it only. Raises OSError."""
        self.log.find(random_u32)

    def number(self):
        """Number of the next record to be acknowledged."""
        return self._recorder.number() if self._recorder else self.log.number

    def lost(self):
        """Records that are known to be missing."""
        return self.log.lost + self._ring.refused - self._refused

    def bad_pages(self):
        """Pages that could not be erased or programmed since the start."""
        return self.log.bad_pages() + self._journal.bad_pages()

    def erases(self):
        """[pages of the journal, of the log] that were begun since the log began."""
        return [self._journal.seq, self.log.seq]

    def work(self, left_ms):
        """Compress, commit if one more record would come too late, erase if there is time. Which
        of these it did.

        Called in every round of the loop, mostly for nothing: then this comparison is all.
        """
        if self._state[_USED] < self._quiet:
            return -1  # NOTHING
        recorder = self._recorder
        if recorder is None:
            return NOTHING
        did = self._work(recorder, left_ms)
        self._quiet = self._quiet_below(recorder)
        return did

    def _work(self, recorder, left_ms):
        did = NOTHING
        try:
            if self._clock.uptime_ms() >= self._retry_at_ms:
                self.problem = ""
                if self._ring.count() >= recorder.due or self._is_due(recorder.waiting()):
                    did = ENCODE
                    recorder.encode()
                elif recorder.notes and self._clock.uptime_ms() >= _NOTES_MS:
                    recorder.begin_boot()
                self._note_refused()
            if self._is_due(recorder.waiting()):
                if not self.problem or not self._journal.problem:
                    did = COMMIT
                    recorder.commit()
            elif (
                left_ms > self.erase_room_ms
                and not self.problem
                and (self.log.erase_ahead() or self._journal.erase_ahead())
            ):
                did = ERASE
            self.problem = self.problem or self._journal.problem
        except OSError as error:
            self.fail(error)
        return did

    def _is_due(self, waiting):
        return waiting and waiting * self._interval_ms >= self._commit_ms

    def _wake(self):
        """Something may be due."""
        self._quiet = 0

    def _quiet_below(self, recorder):
        """With fewer records in the ring than this, `work` has nothing to do."""
        if self.problem or recorder.notes or not (self.log.is_ahead() and self._journal.is_ahead()):
            return 0
        commit = recorder.kept + max(1, -(-self._commit_ms // self._interval_ms))
        return min(recorder.due, commit)

    def settle(self):
        """Bring what the ring holds into the log. Raises OSError when the flash refuses."""
        if self._recorder:
            self._recorder.settle()
            self._note_refused()

    def fail(self, error):
        """The flash refused: try again later."""
        self.problem = str(error)
        self._retry_at_ms = self._clock.uptime_ms() + _RETRY_MS
        self._quiet = 0

    def _note_refused(self):
        lost = self._ring.refused - self._refused
        if lost:
            self.log.note_loss(meta.LOSS_RING, lost, 0)
            self._refused += lost
