# SPDX-License-Identifier: MIT
"""Faults of a network, of its broker, its archives and of the node's power, seed by seed, at the
node's own log and its own sender, in simulated time.

What a life came to goes to stdout, a JSON line and a page at a time: the records of each boot, the
pages of both archives, the flash. Who reads it (tests/support/uplink_judge.py) decides.
"""

import json
import random

import faststart  # noqa: F401 - before anything of ours
from faketime import time
from nor import BLOCK, ERASE, ERASED, SHAPES, Flash
from uplink_world import KEY, NAME, Archive, net
from writer import EACH, FEW, FIRST, MANY, SECOND, Writer, tell

from tirta_format.uplink import up_keys
from tirta_node.hal import chip
from tirta_node.uplink.carrier import Carrier

BLOCKS = 12
JOURNAL = 4  # of them
STEPS = 40
SETTINGS = {"broker": "10.0.0.2", "port": 1883, "ssid": "x", "push_s": 60, "kb_h": 0}
INTERVAL_MS = 10000
HOUR_MS = 3600000
REGIMES = (EACH, FEW, FEW, MANY)

chip.keep_unix_ms = lambda unix_ms: None


class PowerCut(BaseException):
    """The power went in the middle of a flash operation."""


class Still:
    """A time that a writer cannot move."""

    def sleep_ms(self, ms):
        pass


class Node:
    """What a sender asks of a node that samples every so often. `boots` is how many there were."""

    alarms = None

    def __init__(self, writer, boots, period_ms=5000):
        self.keeper = writer.keeper
        self.clock = writer.clock
        self.console = self
        self.config = {"interval_ms": INTERVAL_MS}
        self.sampler = self
        self.groups = (self,)  # the fastest first
        self.period_ms = period_ms
        self.frames = 0  # of a laptop
        run = bytes((boots >> 8, boots & 255, 0, 0, 0, 0))
        run += bytes([random.randrange(256) for _ in range(10)])
        self.carrier = Carrier(
            self, NAME, dict(SETTINGS), {}, KEY, b"name....", run, up_keys(KEY, NAME, run)
        )

    def last_frame(self):
        return self.frames

    def live(self, duration_ms, coarse_ms=0):
        """Send what is due for so long; with `coarse_ms`, in such steps where there is no way."""
        until = net.now_ms + duration_ms
        while net.now_ms < until:
            wait_ms = self.carrier.step(self.period_ms - net.now_ms % self.period_ms)
            if wait_ms >= 500 or (coarse_ms and not net.way):
                wait_ms = coarse_ms or 2000
            _wait(wait_ms)


def _wait(ms):
    net.now_ms += ms
    time.sleep_ms(ms)
    net.deliver()


class Life:
    """A node from its first start on; `faults` are what it does to it, by name."""

    def __init__(self, seed):
        random.seed(seed)
        net.__init__()
        self.seed = seed
        self.flash = Flash(BLOCKS)
        self.flash.remembers = False
        self.archives = net.archives = [Archive(b"archive1"), Archive(b"archive2")]
        for archive in self.archives:
            archive.tells_time = True
        self.kinds = {}
        self.trouble = set()
        self.torn = []  # sequences of pages whose erase a cut tore
        self._setup = FIRST
        self._boots = 0
        self._left = 0  # operations until the power goes, 0: it does not
        self._after = None  # what that leaves
        self._boot()

    def _count(self, kind):
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        net.faults += 1

    def _boot(self):
        """Start, as often as the power goes in the middle of that."""
        while True:
            self._boots += 1
            seed = random.randrange(1 << 30)
            regime = random.choice(REGIMES)
            self.flash.watch = self._watch
            writer = self.writer = Writer(
                self.flash, self._setup, Still(), seed, regime, INTERVAL_MS
            )
            try:
                writer.start(epoch=7 if self._boots == 1 else 0x7777)
            except PowerCut:
                self._take_cut()
                continue
            self.node = Node(writer, self._boots)
            return

    def _watch(self, kind, block, offset, data):
        if self._left != 1:
            self._left -= self._left > 0
            return
        self._left = random.randrange(1, 12) if random.randrange(4) == 0 else 0
        self._tell_boot()
        shape = random.choice(SHAPES)
        if kind == ERASE and block >= JOURNAL:
            self.torn.append(self.flash.page(block)[1])
        self._after = self.flash.torn(kind, block, offset, data, shape, random.randrange(1 << 30))
        raise PowerCut

    def _take_cut(self):
        self._count("cut in a flash operation")
        self.flash = self._after
        self.flash.remembers = False
        net.lose_stream()

    def _tell_boot(self):
        writer = self.writer
        event = {
            "start": writer.begun,
            "epoch": writer.epoch_at_start,
            "acked": writer.acked(),
            "samples": writer.samples,
        }
        tell(event, ERASED)

    def _through(self, do, *args):
        """Do it; where the power goes, start again."""
        try:
            do(*args)
        except PowerCut:
            self._take_cut()
            self._boot()
        self.trouble.add(self.node.carrier.problem)

    def _write(self, records, slots=1):
        """Sample so many records, one in so many slots, and send meanwhile."""
        writer = self.writer
        for _ in range(records):
            writer.sample(1, slots - 1)
            writer.work(100)
            if random.randrange(3) == 0:
                writer.work()
            self.node.live(slots * INTERVAL_MS, 0 if slots == 1 else slots * INTERVAL_MS)

    def _fault(self):
        """One of those that happen to whole parts."""
        kind = random.randrange(10)
        if kind == 9 and random.randrange(8):
            kind = 0  # three days are rare
        if kind == 0:
            self._count("connection lost")
            net.lose_stream()
        elif kind == 1:
            self._count("no way for minutes")
            net.way = False
            self._through(self._write, random.randrange(20))
            if random.randrange(2):
                net.lose_stream()
            net.way = True
        elif kind == 2:
            self._count("broker killed and wiped")
            net.lose_stream()
            net.inbox = []
            net.down = []
        elif kind in (3, 4):
            self._count("archive killed %s its flush" % ("behind" if kind == 3 else "before"))
            random.choice(self.archives).kill(kind == 3)
        elif kind == 5:
            self._count("power lost")
            self._tell_boot()
            net.lose_stream()
            self._boot()
        elif kind == 6:
            self._count("visit of a laptop")  # the sender leaves RAM for it
            self.node.frames += 1
            self._through(self._write, random.randrange(6))
        elif kind == 7:
            self._count("config changed")
            self._through(self._change)
        elif kind == 8:
            self._count("radio joins no more")  # until it is switched off
            net.joins = False
        else:
            self._count("no way for 72 h")
            net.way = False
            for _ in range(72):
                self._through(self._write, 60, 6)
            net.way = True

    def _change(self):
        self.writer.prepare_config()
        self._setup = SECOND if self._setup is FIRST else FIRST
        self.writer.stop()
        self._tell_boot()
        net.lose_stream()
        self._boot()

    def live(self):
        """All of it, and a while without faults behind that: in the end a ledger may be hours away,
        and a hello a day.
        """
        for _ in range(STEPS):
            if not self._left and random.randrange(3) == 0:
                self._left = random.randrange(1, 60)
            self._through(self._write, random.randrange(1, 60))
            if random.randrange(3):
                self._fault()
        self._left = 0
        net.clean = True
        self.writer.commit()
        for i in range(400):
            self.node.live(300000, 0 if i < 6 else 60000)
            self.trouble.add(self.node.carrier.problem)
            if self._is_known():
                break

    def _is_known(self):
        """Whether both archives have all of it, and know from where on."""
        log = self.writer.log
        newest, end = log.end()
        for archive in self.archives:
            if archive.oldest_number() != log.oldest_number():
                return False
            for seq in log.index.seqs:
                if seq and len(archive.durable.get(seq, b"")) < (BLOCK if seq != newest else end):
                    return False
        return True

    def tell(self):
        """What became of it."""
        self._tell_boot()
        for i, archive in enumerate(self.archives):
            for page, data in archive.durable.items():
                event = {"archive": i, "page": page, "size": len(data)}
                tell(event, bytes(data) + ERASED[len(data) :])
        for block in range(BLOCKS):
            tell({"block": block}, self.flash.image[block * BLOCK : (block + 1) * BLOCK])
        event = {
            "seed": self.seed,
            "faults": net.faults,
            "kinds": self.kinds,
            "end": self.writer.log.end()[1],
            "oldest": [archive.oldest_number() for archive in self.archives],
            "differed": [list(archive.differed) for archive in self.archives],
            "torn": self.torn,
            "trouble": [t for t in self.trouble if "Error" in t],
        }
        tell(event, ERASED)


def run(first, faults):
    """Lives of seeds from `first` on until there were so many faults."""
    seed, done = first, 0
    while done < faults:
        life = Life(seed)
        life.live()
        life.tell()
        done += net.faults
        seed += 1


def joins_again(is_up):
    """Print whether a node sends whose radio joins no network any more, until it is switched off:
    from its first try on, or when it was up.
    """
    net.__init__()
    net.clean = True
    writer = Writer(Flash(BLOCKS), FIRST, Still(), 1, EACH, INTERVAL_MS)
    writer.start()
    node = Node(writer, 1)
    while is_up and node.carrier.state != "up":
        node.live(100)
    net.joins = False
    node.live(HOUR_MS)
    print(json.dumps(node.carrier.state == "up"))


def sends_beside(period_ms):
    """Print whether a node sends that samples so often, in records of ten seconds."""
    net.__init__()
    net.clean = True
    net.archives = [Archive(b"archive1")]
    writer = Writer(Flash(BLOCKS), FIRST, Still(), 1, EACH, INTERVAL_MS)
    writer.start()
    node = Node(writer, 1, period_ms)
    node.live(100000)
    print(json.dumps(len(net.archives[0].durable) > 0))


def comes_back(count):
    """Print for each of `count` nodes after how many milliseconds it is at the broker again that
    they all lost in the same moment, and when the second push of its life is due.
    """
    told = []
    for _ in range(count):
        net.__init__()
        net.clean = True
        writer = Writer(Flash(BLOCKS), FIRST, Still(), 1, EACH, INTERVAL_MS)
        writer.start()
        node = Node(writer, 1)
        while node.carrier.state != "up" or not node.carrier.push_ms:
            node.live(100, 20)
        net.lose_stream()
        lost_ms = net.now_ms
        while net.stream is None:
            node.live(20, 20)
        told.append((net.now_ms - lost_ms, node.carrier.push_ms))
    print(json.dumps(told))
