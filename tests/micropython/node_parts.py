# SPDX-License-Identifier: MIT
"""The node's parts from ring to flash, built as app.py builds them, for the benches."""

from tirta_format import meta
from tirta_format.config import config_hash
from tirta_node import window
from tirta_node.clock import Clock
from tirta_node.journal import Journal
from tirta_node.log import Log
from tirta_node.recorder import Recorder
from tirta_node.ring import Ring

EPOCH = 1


class Parts:
    """`ring`, `log`, `journal` and `recorder` over the pages of `flash`, after a first start."""

    def __init__(self, flash, channels, counted, config):
        journal, log = window.halves(flash)
        self.ring = Ring(channels)
        self.log = Log(log, Clock())
        self.journal = Journal(journal, self.log, channels)
        text_hash = config_hash(config)
        self.log.find(EPOCH)
        self.journal.start(counted, text_hash)
        self.log.use(config, channels, counted, text_hash)
        self.recorder = Recorder(self.ring, self.journal, self.log)
        self.log.log_config()
        self.log.note(meta.boot(0, self.log.boot, 1, "1.0", "bench"))
