# SPDX-License-Identifier: MIT
"""What an uplink puts on the wire for a series in the log: the node's own log and sender, and an
archive that answers each message as the centre does.

Counted are the bytes of MQTT both ways, every packet of it, behind the greeting of the connection.
Prints one line of JSON.
"""

import json

from faketime import time  # takes the place of the module: before anything of ours

import uplink_world  # noqa: F401  # isort: skip
from bench_log import BLOCKS, Records, take
from node_parts import Parts
from nor import Flash
from uplink_world import KEY, NAME, Archive, net

from tirta_format.uplink import up_keys
from tirta_node.uplink.carrier import Carrier

MINUTE_MS = 60000
SETTLED_MS = 5000  # behind the last packet


class Node:
    """What a sender asks of a node."""

    alarms = None

    def __init__(self, parts, push_s):
        self.keeper = parts.keeper
        self.clock = parts.keeper.log.clock
        self.clock.set(1800000000000, 2, 0)
        self.console = self
        self.config = {"interval_ms": MINUTE_MS}
        self.sampler = self
        self.groups = (self,)
        self.period_ms = MINUTE_MS
        settings = {"broker": "10.0.0.2", "port": 1883, "ssid": "x", "push_s": push_s, "kb_h": 0}
        keys = up_keys(KEY, NAME, bytes(16))
        self.carrier = Carrier(self, NAME, settings, {}, KEY, b"name....", bytes(16), keys)

    def last_frame(self):
        return 0


def pass_minute(node):
    """Let the sender work until it has nothing to do; then the minute is over."""
    passed_ms, quiet_ms = 0, 0
    while passed_ms < MINUTE_MS:
        before = net.sent + net.received
        wait_ms = max(20, node.carrier.step(MINUTE_MS - passed_ms))
        wait_ms = min(wait_ms, MINUTE_MS - passed_ms)
        quiet_ms = 0 if net.sent + net.received != before else quiet_ms + wait_ms
        if quiet_ms > SETTLED_MS:
            wait_ms = MINUTE_MS - passed_ms
        time.sleep_ms(wait_ms)
        passed_ms += wait_ms
        net.now_ms += wait_ms
        net.deliver()


def main(folder, channels, count, config, push_s):
    net.clean = True
    records = Records(folder + "/records", channels, count)
    time.now_ms = 0
    parts = Parts(Flash(BLOCKS), channels, {}, config, MINUTE_MS, MINUTE_MS)
    node = Node(parts, push_s)
    archive = Archive(b"archive1")
    net.archives = [archive]
    while node.carrier.state != "up" or not archive.durable:
        pass_minute(node)
    net.sent = net.received = net.packets = 0
    for i in range(count):
        take(parts, records, i)
        pass_minute(node)
    log = parts.log
    known = {page: len(data) for page, data in archive.durable.items()}
    told = {
        "records": count,
        "up": net.sent,
        "down": net.received,
        "packets": net.packets,
        "log": sum(known.values()),
        "behind": log.end()[1] - known.get(log.end()[0], 0),
        "problem": node.carrier.problem,
    }
    print(json.dumps(told))
