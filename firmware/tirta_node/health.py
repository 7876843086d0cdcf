# SPDX-License-Identifier: MIT
"""Whether the node is alive: what a watchdog is fed for, and what a new application must show.

`step` is called once a round of the loop. Only when sampler, log and console have all made progress
does it call `feed`: a chip's watchdog in locked mode, the timer of a trial in open mode. `done` is
called once the node has been alive for `proof_ms` and the log has kept all that was due. Imported
only where one of them is wanted.
"""

from micropython import const

_EVERY_MS = const(1000)
_LATE_MS = const(15000)  # sampler: after so long, two intervals included, no record will come
_STUCK_MS = const(300000)  # console: nobody takes what it sends; log: nothing drains
_PROOFS = const(5)  # so many times the proof's length, and it is none


class Health:
    """`node` is the application. `feed()` and `done()` may be None."""

    def __init__(self, node, feed, done=None, proof_ms=0):
        self._node = node
        self._feed = feed
        self._done = done
        self._proof_ms = proof_ms
        self._since_ms = node.clock.uptime_ms()
        self._next_ms = self._since_ms
        self._first = node.keeper.number()
        self._idle_ms = self._since_ms  # when the console last had nothing left to send
        self._drained_ms = self._since_ms  # when the ring last had room
        self._records = 0  # made since the log began
        self._sampled_ms = self._since_ms  # when that last grew
        self._patience_ms = _LATE_MS + 2 * node.config["interval_ms"]

    def step(self):
        """Look, once a second; return in how many milliseconds to look again at the latest."""
        now_ms = self._node.clock.uptime_ms()
        if now_ms >= self._next_ms:
            self._next_ms = now_ms + _EVERY_MS
            if self.alive(now_ms):
                self._judge(now_ms)
        return _EVERY_MS

    def _judge(self, now_ms):
        if self._done is not None:
            lived_ms = now_ms - self._since_ms
            if lived_ms >= self._proof_ms and self._has_kept(lived_ms):
                done, self._done = self._done, None
                done()
                return  # it says itself what is fed from here on
            if lived_ms >= _PROOFS * self._proof_ms:
                return  # alive, but it will not prove itself
        if self._feed is not None:
            self._feed()

    def alive(self, now_ms):
        """Whether sampler, log and console do their work."""
        node = self._node
        if node.console.wait_ms():
            self._idle_ms = now_ms
        # A flash that refuses is known, told and counted: no reset would mend it.
        if not node.ring.is_full() or node.keeper.problem:
            self._drained_ms = now_ms
        records = node.keeper.number() + node.ring.count() + node.ring.refused
        if records != self._records:
            self._records = records
            self._sampled_ms = now_ms
        if now_ms - min(self._idle_ms, self._drained_ms) >= _STUCK_MS:
            return False
        return node.sampler is None or now_ms - self._sampled_ms < self._patience_ms

    def _has_kept(self, lived_ms):
        """Whether the log took what was due: every record but those that may still wait."""
        node = self._node
        if not node.sampler:
            return True
        interval_ms = node.config["interval_ms"]
        may_wait = node.config["commit_ms"] // interval_ms + 2
        kept = node.keeper.number() - self._first
        return not node.keeper.problem and kept >= lived_ms // interval_ms - may_wait
