# SPDX-License-Identifier: MIT
"""Faults of a network, of its broker, its archives and of the node's power, seed by seed, at the
node's own sender: `uplink_faults.run(first, faults)` prints one line of JSON.

*Lost*: a byte that lies on the flash, and is not in an archive a while after all faults ended.
*Wrong*: a byte in an archive that the flash never had. *Doubled*: bytes that came again and differ.
Power cuts in the middle of a flash operation are the log's own campaign.
"""

import json
import random
from array import array

import uplink_world
from uplink_world import KEY, NAME, WHOLE, Archive, net

from tirta_format.uplink import up_keys
from tirta_node.uplink.carrier import Carrier

BLOCKS = 12
SETTINGS = {"broker": "10.0.0.2", "port": 1883, "ssid": "x", "push_s": 60, "kb_h": 0}
HOUR_MS = 3600000


class Log:
    """Pages that only grow, in a ring; `all` keeps each as the judge knows it."""

    is_found, epoch, config_hash, pulled, number = True, 7, 1, 0, 1

    def __init__(self):
        self.boot = 1
        self.all = {}
        self.index = self.flash = self
        self.count = BLOCKS
        self.seqs = array("I", bytes(4 * BLOCKS))
        self._page = 0
        self._new()

    def _new(self):
        self._page += 1
        self.seqs[self._page % BLOCKS] = self._page
        self.all[self._page] = bytearray(64)
        self.append(40)

    def append(self, count):
        page = self.all[self._page]
        page += bytes([random.randrange(256) for _ in range(min(count, WHOLE - len(page)))])
        if len(page) == WHOLE:
            self._new()

    def end(self):
        return self._page, len(self.all[self._page])

    def oldest_number(self):
        return 0

    def after(self, seq):
        found = [(s, b) for b, s in enumerate(self.seqs) if s and s >= seq]
        return min(found)[1] if found else -1

    def before(self, seq):
        found = [(s, b) for b, s in enumerate(self.seqs) if s and s < seq]
        return max(found)[1] if found else -1

    def read(self, block, at, buf):
        page = self.all[self.seqs[block]] + b"\xff" * WHOLE
        buf[:] = page[at : at + len(buf)]


class Node:
    """What a sender asks of a node."""

    alarms = None

    def __init__(self, log):
        self.keeper = self.clock = self.console = self
        self.log = log
        self.config = {"interval_ms": 1000}
        self.source = 2
        self.frames = 0  # of a laptop
        self._from_ms = net.now_ms
        run = bytes((log.boot >> 8, log.boot & 255, 0, 0, 0, 0))
        run += bytes([random.randrange(256) for _ in range(10)])
        self.carrier = Carrier(
            self, NAME, dict(SETTINGS), {}, KEY, b"name....", run, up_keys(KEY, NAME, run)
        )
        log.boot += 1

    def uptime_ms(self):
        return net.now_ms - self._from_ms

    def unix_ms(self):
        return 1800000000000 + net.now_ms

    def uncertainty_now_ms(self):
        return 0

    def last_frame(self):
        return self.frames


def _pass(node, duration_ms, coarse_ms=0):
    until = net.now_ms + duration_ms
    while net.now_ms < until:
        wait_ms = node.carrier.step(5000)
        is_idle = wait_ms >= 500 or (coarse_ms and not net.way)
        net.now_ms += (coarse_ms or 2000) if is_idle else wait_ms
        net.deliver()


def _fault(node, log, archives):
    """One fault of those that happen to whole parts; return the node that goes on."""
    kind = random.randrange(8)
    if kind == 6 and random.randrange(8):
        kind = 0  # three days are rare
    net.faults += 1
    if kind == 0:
        net.lose_stream()
    elif kind == 1:
        net.way = False
        _pass(node, random.randrange(200000))
        if random.randrange(2):
            net.lose_stream()
        net.way = True
    elif kind == 2:  # the broker is killed, and wiped
        net.lose_stream()
        net.inbox = []
        net.down = []
    elif kind in (3, 4):
        random.choice(archives).kill(kind == 3)
    elif kind == 7:  # a laptop visits, and the sender leaves RAM for it
        node.frames += 1
        _pass(node, random.randrange(60000))
    elif kind == 5:
        net.lose_stream()
        node = Node(log)
    else:
        net.way = False
        for _ in range(72):
            log.append(60)
            _pass(node, HOUR_MS, 60000)
        net.way = True
    return node


def trial(seed):
    """One node's life; return (faults, lost, doubled, wrong, bytes, the sender's trouble)."""
    random.seed(seed)
    uplink_world.net.__init__()
    log = Log()
    node = Node(log)
    archives = net.archives = [Archive(b"archive1"), Archive(b"archive2")]
    for _ in range(40):
        log.append(random.randrange(20, 900))
        _pass(node, random.randrange(1000, 150000))
        if random.randrange(3):
            node = _fault(node, log, archives)
    net.clean = True
    trouble = set()
    for i in range(400):  # in the end a ledger may be hours away
        _pass(node, 300000, 0 if i < 6 else 60000)
        trouble.add(node.carrier.problem)
        if not _lost(log, archives):
            break
    wrong = sum(d != bytes(log.all[p][: len(d)]) for a in archives for p, d in a.durable.items())
    strange = [t for t in trouble if "Error" in t]
    doubled = sum(a.wrong for a in archives)
    return (
        net.faults,
        _lost(log, archives),
        doubled,
        wrong,
        sum(map(len, log.all.values())),
        strange,
    )


def _lost(log, archives):
    return sum(
        len(log.all[seq]) - len(archive.durable.get(seq, b""))
        for archive in archives
        for seq in log.seqs
        if seq
    )


def run(first, faults):
    """Seeds from `first` on until there were so many faults."""
    told = {"faults": 0, "lost": 0, "doubled": 0, "wrong": 0, "bytes": 0, "seeds": 0}
    bad = []
    while told["faults"] < faults:
        seed = first + told["seeds"]
        made = trial(seed)
        told["seeds"] += 1
        for name, count in zip(("faults", "lost", "doubled", "wrong", "bytes"), made):
            told[name] += count
        if any(made[1:4]) or made[5]:
            bad.append((seed, made))
    told["bad"] = bad[:5]
    print(json.dumps(told))


def comes_back(count):
    """Print for each of `count` nodes after how many milliseconds it is at the broker again that
    they all lost in the same moment, and when the second push of its life is due.
    """
    told = []
    for _ in range(count):
        uplink_world.net.__init__()
        net.clean = True
        node = Node(Log())
        while node.carrier.state != "up" or not node.carrier.push_ms:
            _pass(node, 100, 20)
        net.lose_stream()
        lost_ms = net.now_ms
        while net.stream is None:
            _pass(node, 20, 20)
        told.append((net.now_ms - lost_ms, node.carrier.push_ms))
    print(json.dumps(told))
