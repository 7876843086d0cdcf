# SPDX-License-Identifier: MIT
"""A boot whose slots come to their end, 124 days at 10 ms, begins anew by itself; nothing is lost
or doubled. The node's clock is not turned so far: its main.py sets the count of the first boot that
has it, and everything else is the real application.
"""

from pathlib import Path

import numpy as np
from node_configs import config
from nodes import FAST_BAUD, Mpremote, Nodes
from patience import wait_for

from tirta.archive.evidence import Archive
from tirta.errors import TirtaError
from tirta.log.decode import decode_epoch
from tirta.node import Node
from tirta.pull.pull import pull
from tirta_format import meta

SLOTS = 0x3FF00000  # as in app.py
BEFORE = 6  # records until then
MAIN = f"""
import os, app, micropython
begun = app.Node.start
def start(node):
    begun(node)
    if "late" not in os.listdir("/"):
        open("/late", "w").close()
        node.sampler.groups[0].words[2] = {SLOTS - BEFORE}  # sampler.SLOT
        node.ring.begin({SLOTS - BEFORE})
app.Node.start = start
"""


def boot(port: str) -> int:
    """Which boot it is; 0 while nobody answers."""
    try:
        with Node(port, FAST_BAUD) as node:
            return int(node.status()["boot"])
    except TirtaError:
        return 0


def test_a_boot_without_slots_left_begins_anew(nodes: Nodes, tmp_path: Path) -> None:
    port = nodes.up(app=True, config=config(visit_s=600)).port
    wait_for(lambda: boot(port) > 0)
    first = boot(port)
    mpremote = Mpremote(port)
    mpremote.run(
        "with open('main.py') as f: text = f.read()\n"
        f"with open('main.py', 'w') as f: f.write({MAIN!r} + text)"
    )
    mpremote("reset")
    wait_for(lambda: boot(port) == first + 2)
    with Node(port, FAST_BAUD) as node:
        began = node.commit().next_record
        wait_for(lambda: node.commit().next_record > began + 1)
        pull(node, tmp_path)
    (epoch,) = Archive(tmp_path).epochs()
    log = decode_epoch(epoch)
    assert not any(verdict.problems for verdict in log.verdicts)
    number, boots, slot = (
        np.concatenate([getattr(batch, name) for batch in log.records])
        for name in ("number", "boot", "slot")
    )
    assert np.all(np.diff(number) == 1)
    late, anew = slot[boots == first + 1], slot[boots == first + 2]
    assert late[0] >= SLOTS - BEFORE
    assert SLOTS - 1 <= late[-1] < SLOTS + BEFORE
    assert 0 <= anew[0] < BEFORE
    for slots in (late, anew):
        assert np.all(np.diff(slots) >= 1), "a slot has one record"
    stops = [e.fields["reason"] for e in log.events if e.kind == meta.STOP and e.boot == first + 1]
    assert stops == [meta.STOP_RESTART]
