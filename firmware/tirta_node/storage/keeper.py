# SPDX-License-Identifier: MIT
"""Keeps records: from the ring, by way of the journal, to the log.

`work` is called between samples and does one thing that is due. When the flash refuses, sampling
goes on, `problem` says what is wrong, and it is tried again. So it is with the start: as long as
the end of the log is not found, nothing is written, and there is no recorder.
"""

from micropython import const

from tirta_node import unload
from tirta_node.storage.chunk_writer import ChunkWriter
from tirta_node.storage.journal import Journal
from tirta_node.storage.log import Log
from tirta_node.storage.packer import Packer
from tirta_node.storage.page_ring import Attempts

_ERASE_ROOM_MS = const(500)  # an erase lasts up to 400 ms
_USED = const(3)  # of the ring's state: a global name would cost as much as the rest
# What `work` did: pieces whose durations are recorded.
NOTHING, ENCODE, COMMIT, ERASE = -1, 0, 1, 2
_RETRY_MS = const(1000)  # the rings wait longer by themselves
_START_MOST_MS = const(60000)
_NOTES_MS = const(60000)
_LOSS_RING, _STOP_RESTART = const(3), const(2)  # as in meta.py


class Keeper:
    """`flash` is the partition; records come every `interval_ms` and are durable in `commit_ms`."""

    def __init__(self, flash, clock, ring, interval_ms, commit_ms):
        journal, log = unload.call("tirta_node.storage.partition_part", "halves", flash)
        attempts = Attempts()
        self.log = Log(log, clock, attempts)
        self.problem = ""
        self._packer = Packer(ring)  # now: later no hole is large enough for it
        self.journal = Journal(journal, self.log, ring.channels, attempts, clock, self._packer)
        attempts.journal = self.journal
        self._recorder = None
        self._clock = clock
        self._ring = ring
        self._state = ring.state
        self._quiet = 0  # while the ring has fewer records, there is nothing to do,
        self._calm = 0  # or no more than to have the journal keep them
        self._interval_ms = interval_ms
        self.commit_ms = commit_ms
        self._boot = 0, {}, 0, _nothing  # what `start` was told
        self._begins = False  # it was told something
        # (epoch, boot, next number) of a start that was given up; it may have left records.
        self._tried = 0, 0, 0
        self._start_wait_ms = 0
        self._retry_at_ms = 0
        self._refused = 0  # of the ring, and noted
        self.erase_room_ms = _ERASE_ROOM_MS

    def start(self, config_hash, counted, random_u32, notes):
        """Find log and journal, bring them together, and begin a boot under the config with this
        hash: `notes(changed, sequence of the newest page or 0, whether the boot before was
        stopped, Unix time in ms of its end or 0)` writes what the log is to say of it, and the text
        of the config if `changed`. Raises OSError; then `work` goes on with it, as often as needed.

        Where the starts before this one left more than a kilobyte and no record, it waits with
        that for a record, or for a minute: a supply that breaks down in each start would fill the
        log with starts.
        """
        self._boot = config_hash, counted, random_u32, notes
        self._begins = True
        self._begin_attempt()
        try:
            self._start()
        finally:
            self.log.is_kept = False

    def _begin_attempt(self):
        """What comes may erase three pages, however many rings it needs."""
        self.log.attempts.renew()
        self.log.is_kept = True

    def _start(self):
        self._recorder = None
        log, journal, ring, notes = self.log, self.journal, self._ring, self._boot[3]
        try:
            start = log, journal, ring, self._boot, self._tried
            changed, begins, *before = unload.call("tirta_node.storage.log_start", "start", *start)
        except OSError as error:
            log.is_found = False
            self._start_wait_ms = min(4 * self._start_wait_ms or _RETRY_MS, _START_MOST_MS)
            self.fail(error)
            raise
        self._start_wait_ms = self._retry_at_ms = 0
        self.problem = ""
        blocks = log.flash.blocks + journal.flash.blocks
        pace = blocks, ring.channels, self._interval_ms, self._commit_ms
        batch = unload.call("tirta_format.wear", "by_chunks", *pace)
        recorder = ChunkWriter(ring, journal, log, self._packer, self._wake, batch)
        self._recorder = recorder
        recorder.notes = lambda: notes(changed, *before)
        if begins:
            recorder.begin_boot()

    @property
    def commit_ms(self):
        """A record is durable in so long; 0: the battery is low, and what comes is at once."""
        return self._commit_ms

    @commit_ms.setter
    def commit_ms(self, commit_ms):
        self._commit_ms = commit_ms
        self._pace = max(1, -(-commit_ms // self._interval_ms))
        self._wake()

    def erase_within(self, period_ms):
        """Samples come every `period_ms`: where an erase outlasts that it begins behind one."""
        self.erase_room_ms = min(_ERASE_ROOM_MS, period_ms * 3 // 4)

    def number(self):
        """Number of the next record to be acknowledged."""
        return self._recorder.number() if self._recorder else self.log.number

    def lost(self):
        """Records that are known to be missing."""
        return self.log.lost + self._ring.refused - self._refused

    def work(self, left_ms):
        """Compress, commit if one more record would come too late, erase if there is time. Which
        of these it did.

        Called in every round of the loop, mostly for nothing: then this comparison is all.
        """
        used = self._state[_USED]
        if used < self._quiet:
            return -1  # NOTHING
        self._begin_attempt()
        recorder = self._recorder
        if recorder is not None and used < self._calm and recorder.keep():
            self.log.is_kept = False
            self._quiet = min(used + self._pace, self._calm)
            if self.log.ring.spare < 0 or self.journal.ring.spare < 0:
                self._wake()  # for an erase
            return 1  # COMMIT
        did = self._work(recorder, left_ms)
        self.log.is_kept = False
        self._quiet = self._quiet_below(self._recorder)
        return did

    def _work(self, recorder, left_ms):  # noqa: PLR0912 - a call costs as much as all of it
        did = NOTHING
        try:
            now_ms = self._clock.uptime_ms()
            if recorder is None:
                if self._begins and now_ms >= self._retry_at_ms:
                    did = COMMIT
                    self._start()
                return did
            if now_ms >= self._retry_at_ms:
                self.problem = ""
                if self._state[_USED] >= recorder.due:
                    did = ENCODE
                    recorder.encode()
                    if self.log.ends():
                        self._end_epoch(recorder)
                        return COMMIT
                elif recorder.notes and now_ms >= _NOTES_MS:
                    recorder.begin_boot()
                if self._ring.refused != self._refused:
                    self._note_refused()
            waiting = self._state[_USED] - recorder.kept
            if waiting and waiting * self._interval_ms >= self._commit_ms:
                did = COMMIT
                recorder.commit()
            elif left_ms > self.erase_room_ms and not self.problem and self._erase_ahead():
                did = ERASE
            if self.journal.problem:
                self.problem = self.problem or self.journal.trouble()
        except OSError as error:
            attempts = self.log.attempts
            if not self.log.is_found or attempts.proof == attempts.count:
                # The start was misled, or nothing shows yet that it was not: once more.
                self.log.is_found = False
                if recorder is not None:
                    self._tried = self.log.epoch, self.log.boot, self.log.number
                self._recorder = recorder = None
            self.fail(error)
            if recorder is not None and recorder.waiting():
                did = COMMIT
                if recorder.keep():  # and this shows that programs work
                    self._retry_at_ms = 0
        return did

    def _end_epoch(self, recorder):
        """The numbers of this epoch are used up: a start begins the next."""
        recorder.settle()
        unload.call("tirta_node.storage.next_page", "stop", self.log, _STOP_RESTART)
        self._start()

    def _erase_ahead(self):
        log, journal = self.log, self.journal
        if not (log.is_ahead() or log.hidden) and log.erase_ahead():  # it may hide in that page
            return True
        return not journal.is_ahead() and journal.erase_ahead()

    def _wake(self):
        """Something may be due."""
        self._quiet = self._calm = 0

    def _quiet_below(self, recorder):
        """With fewer records in the ring than this, `work` has nothing to do."""
        self._calm = 0
        if recorder is None or self.problem or recorder.notes:
            return 0
        if not (self.log.is_ahead() and self.journal.is_ahead()):
            return 0
        self._calm = recorder.due
        return min(recorder.due, recorder.kept + self._pace)

    def settle(self, then=None, *args):
        """Bring what the ring holds into the log, and do `then` as part of that attempt. Raises
        OSError when the flash refuses, or when the end of the log is not found yet.
        """
        recorder = self._recorder
        if recorder is None:
            if self._begins:
                raise OSError(self.problem)
            return
        self.log.ring.hurry()  # somebody waits
        self.journal.ring.hurry()
        self._begin_attempt()
        try:
            self._settle(recorder)
            self._note_refused()
            if then:
                then(*args)
            self.problem = ""  # it took everything
        finally:
            self.log.is_kept = False

    def _settle(self, recorder):
        try:
            recorder.settle()
        except OSError:
            if not recorder.keep():
                raise
            recorder.settle()  # programs do work: a bad page is passed over now

    def fail(self, error):
        """The flash refused: try again later."""
        wait_ms = _RETRY_MS
        self.problem = str(error)
        if self._recorder is None:
            wait_ms = self._start_wait_ms
            self.problem = "the end of the log is not found: " + self.problem
        self._retry_at_ms = self._clock.uptime_ms() + wait_ms
        self._wake()

    def _note_refused(self):
        lost = self._ring.refused - self._refused
        if lost:
            self.log.note_loss(_LOSS_RING, lost, 0)
            self._refused += lost


def _nothing(*_):
    """Notes of no boot."""
