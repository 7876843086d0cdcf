# SPDX-License-Identifier: MIT
"""An uplink as the loop knows it: what lasts a whole boot. The code that sends takes 20 KB, and a
laptop's requests load modules of that size: so it leaves RAM while a laptop talks, and comes back
when the line has been quiet for a while.
"""

import gc

from micropython import const

from tirta_node import unload

_VISIT_MS = const(10000)  # after a laptop's last frame
_AGAIN_MS = const(60000)  # after RAM had no room
_LONG_MS = const(1500)  # until the next sample, to load modules
_IDLE_MS = const(500)


class Carrier:
    """`settings` is the config's section, `secrets` the passwords, `key` the uplink key, `run` what
    this boot's messages are sealed under, under counters that only grow.
    """

    def __init__(self, node, name, settings, secrets, key, key_name, run):
        self.node = node
        self.name = name
        self.settings = settings
        self.secrets = secrets
        self.key = key
        self.key_name = key_name
        self.run = run
        self.counter = 0  # of the last message
        self.tail = (0, 0)  # page and end of what was sent of the newest page
        self.push_ms = 0  # uptime of the next push
        self._chance = run[-2] << 8 | run[-3]
        self.heard_ms = -1  # uptime of the last ledger
        self.state = "join"
        self.problem = ""
        self.is_hurried = node.config["interval_ms"] < 2 * _LONG_MS  # no pause is ever so long
        self._frame = node.console.last_frame()
        self._from_ms = 0  # uptime from which the line is quiet
        self._sender = None
        try:
            self._load()  # before any sample is due: switching a radio on takes 100 ms
        except MemoryError:
            self._lacks_memory()

    def some(self, most_ms):
        """A time of at most `most_ms`, another one on each node and each time."""
        self._chance = (self._chance * 25173 + 13849) & 0xFFFF
        return most_ms * self._chance >> 16

    def told(self):
        """What status says: how far it is or was, what is wrong, seconds since a ledger came."""
        age_s = -1 if self.heard_ms < 0 else (self.node.clock.uptime_ms() - self.heard_ms) // 1000
        return self.state, self.problem, age_s

    def step(self, left_ms):
        """Do what is due, if the next sample is `left_ms` away or more; return in how many
        milliseconds to look again.
        """
        now_ms = self.node.clock.uptime_ms()
        frame = self.node.console.last_frame()
        if frame != self._frame:
            self._frame = frame
            self._rest(now_ms + _VISIT_MS)
        if now_ms < self._from_ms:
            return _IDLE_MS
        sender = self._sender
        try:
            if sender is not None:
                return sender.step(left_ms)
            if left_ms >= _LONG_MS or self.is_hurried:
                self._load()
        except MemoryError:
            self._lacks_memory()
        except Exception as error:  # noqa: BLE001 - whatever is wrong here, the node samples on
            self.problem = "%s: %s" % (type(error).__name__, error)
            self._rest(now_ms + _AGAIN_MS)
        return _IDLE_MS

    def _lacks_memory(self):
        self.problem = "memory has no room for it"
        self._rest(self.node.clock.uptime_ms() + _AGAIN_MS)

    def _load(self):
        self._sender = unload.call("tirta_node.uplink.push", "begin", self)

    def _rest(self, until_ms):
        self._from_ms = until_ms
        if self._sender is not None:
            self._sender.close()
            self._sender = None
            unload.wipe()
            gc.collect()
