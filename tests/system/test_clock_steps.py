# SPDX-License-Identifier: MIT
"""Steps of the wall clock on the running firmware move no deadline, and lose no slot."""

import struct
import time
from pathlib import Path

import numpy as np
from nodes import FAST_BAUD, Nodes
from patience import Patience

from tirta import config
from tirta.archive.evidence import Archive
from tirta.log.decode import decode_epoch
from tirta.node import Node
from tirta.pull.pull import pull
from tirta_format import frame

CONFIG = """
board = "virtual"
interval_s = 1
[[channel]]
name = "heap"
sensor = "free_heap"
unit = "bytes"
"""
STEPS_S = (0, 3600, -86_400, 7 * 86_400, 0)  # off the laptop's clock


def test_steps_of_the_clock_move_no_deadline(nodes: Nodes, tmp_path: Path) -> None:
    settings = tmp_path / "node.toml"
    settings.write_text(CONFIG)
    port = nodes.up(app=True, config=config.load(settings)[0], speed=20, talk_s=0).port
    with Node(port, FAST_BAUD) as node:
        for step_s in STEPS_S:
            unix_ms = time.time_ns() // 1_000_000 + 1000 * step_s
            node.ask(frame.CLOCK_SET, struct.pack("<QI", unix_ms, 1000))
            assert abs(node.status()["unix"] - unix_ms / 1000) < 60
            wanted = node.values()["slot"] + 10
            patience = Patience()
            while node.values()["slot"] < wanted:
                assert not patience.over()
        before = node.status()
        pull(node, tmp_path / "archive")
        after = node.status()
    (epoch,) = Archive(tmp_path / "archive").must_have_epochs()
    slots = np.concatenate([batch.slot for batch in decode_epoch(epoch).records])
    # A slot is a second of the uptime, whatever the clock said; what is missing was counted.
    assert len(slots) >= 10 * len(STEPS_S)
    assert (np.diff(slots) > 0).all()
    assert int(slots[-1]) + 1 - len(slots) <= after["overruns"]
    assert before["uptime_s"] - 2 <= int(slots[-1]) + 1 <= after["uptime_s"] + 2
