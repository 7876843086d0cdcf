# SPDX-License-Identifier: MIT
"""An alarm on a running node: in its status, and in the log that a laptop pulls."""

from pathlib import Path

import pyarrow.parquet as pq
from nodes import FAST_BAUD, Nodes
from patience import wait_for

from tirta import config
from tirta.archive.evidence import Archive
from tirta.log.decode import decode_epoch
from tirta.node import Node
from tirta.pull.pull import pull
from tirta.tables.landing import land_all
from tirta_format import alarm_log

CONFIG = """
board = "virtual"
interval_s = 1
commit_seconds = 600
[[channel]]
name = "heap"
sensor = "free_heap"
unit = "bytes"
decimals = 0
[[alarm]]
name = "much"
kind = "above"
channel = "heap"
limit = 1000
"""


def test_an_alarm_is_told_and_logged(nodes: Nodes, tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(CONFIG)
    port = nodes.up(app=True, config=config.load(path)[0]).port
    with Node(port, FAST_BAUD) as node:
        assert wait_for(lambda: node.status()["alarms"]) == ["much"]
        pull(node, tmp_path / "archive")
    (epoch,) = Archive(tmp_path / "archive").must_have_epochs()
    log = decode_epoch(epoch)
    (told,) = [e.fields for e in log.events if e.kind == alarm_log.RECORD]
    assert (told["name"], told["raised"]) == ("much", 1)
    assert told["value"] > 1000
    land_all(tmp_path / "archive")
    happened = pq.read_table(tmp_path / "archive/events").to_pylist()
    (row,) = [row for row in happened if row["kind"] == "alarm"]
    assert (row["channel"], row["value"], row["unit"]) == ("heap", told["value"], "bytes")
