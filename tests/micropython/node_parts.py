# SPDX-License-Identifier: MIT
"""The node's parts from ring to flash, built and started as app.py does it, for the benches."""

from tirta_format import meta
from tirta_format.config import config_hash
from tirta_node.clock import Clock
from tirta_node.storage import next_page
from tirta_node.storage.keeper import Keeper
from tirta_node.storage.ring import Ring

EPOCH = 1
NEVER_MS = 1 << 29  # no record is due for a commit: a chunk is written when it is full


class Parts:
    """`ring`, `keeper` and `log` over the pages of `flash`, after a first start."""

    def __init__(self, flash, channels, counted, config, interval_ms=1000, commit_ms=NEVER_MS):
        self.ring = Ring(channels)
        self.keeper = Keeper(flash, Clock(), self.ring, interval_ms, commit_ms)
        self.log = self.keeper.log
        self._config = config
        self.keeper.start(config_hash(config), counted, EPOCH, self._notes)

    def _notes(self, *_):
        next_page.note_config(self.log, self._config)
        self.log.note(meta.boot(0, self.log.boot, 1, "1.0", "bench"))
