# SPDX-License-Identifier: MIT
"""The rescue: the link without sampling, when no application can be read.

It answers hello and status, gives the log's whole pages to a laptop, and takes an update. Lives in
`vfs:/frozen` with copies of the modules that it imports, and is never written in service. What the
journal holds stays there until an application runs again.
"""

import gc
import json
import struct

from tirta_format import frame, meta
from tirta_format import page as pages
from tirta_node.clock import Clock
from tirta_node.hal import chip, mark
from tirta_node.hal.line import Line
from tirta_node.line.console import RESTART, Console
from tirta_node.requests import status as report
from tirta_node.requests.dispatch import Dispatcher
from tirta_node.state import copies
from tirta_node.storage import partition_part
from tirta_node.storage.page_index import Index

_LOCKS = 3  # an eighth of their numbers
_UPDATES = 5
_HANG_MS = 60000
_TURN_MS = 1000  # so often the watchdog is fed
_GREETING = "\r\nTirta rescue, node %s: no application can be read\r\nOn a laptop: tirta update\r\n"
_ANSWERED = (frame.HELLO, frame.COMMIT, frame.INDEX, frame.READ, frame.PULLED)


class _Log:
    """The log to read from: pages as they lie; records of the newest page are not counted."""

    def __init__(self, flash):
        self.flash = flash
        self.index = Index(flash, pages.MARK)
        self.epoch = self.number = self.pulled = self.boot = self._seq = 0
        self.is_found = False

    def look(self):
        """See which pages there are. Raises OSError while the flash errs."""
        newest = _scan(self.index)
        if newest:
            self.epoch = newest.epoch
            self.number = self.pulled = newest.number
            self.boot = newest.boot
            self._seq = newest.seq
        self.is_found = True

    def end(self):
        """(sequence, offset) behind the last page: nothing is written here."""
        return self._seq, pages.SIZE


def _scan(index):
    """Read every page header; return the newest, or None."""
    best = None
    for block in range(index.count):
        head = index.header(block)
        if head is None:
            continue
        if best is None or head.seq > best.seq:
            best = head
            if index.epoch != head.epoch:
                index.begin(head.epoch)
            index.newest = block
        if head.epoch == index.epoch:
            index.put(block, head)
    return best


class _Keeper:
    """`settle` comes before each pull."""

    def __init__(self, log):
        self.log = log
        self.problem = "no application can be read: tirta update"
        try:
            self.settle()
        except OSError:
            pass  # an update needs no log; each pull tries again

    def settle(self):
        """Find the log, if that is still to be done: nothing else waits. Raises OSError."""
        if not self.log.is_found:
            self.log.look()


class _Requests(Dispatcher):
    """Those that need no sampling, and no config."""

    def handle(self, kind, sequence, payload):
        """Answer what needs no application, and refuse the rest."""
        console = self._console
        if kind in _ANSWERED or kind >> 3 in (_LOCKS, _UPDATES):
            try:
                Dispatcher.handle(self, kind, sequence, payload)
            except ImportError as error:  # one without a copy in /frozen
                console.refuse(sequence, frame.BAD_REQUEST, str(error))
        elif kind == frame.STATUS:
            console.answer(kind, sequence, json.dumps(self._node.status()).encode())
        elif kind == frame.CONFIG_GET:
            text = copies.config(chip.partition("state"))
            (at,) = struct.unpack("<H", payload)
            console.answer(kind, sequence, struct.pack("<H", len(text)) + text[at : at + 1024])
        elif kind == frame.CLOCK_SET:
            self._node.clock.set(*struct.unpack("<Q", payload[:8]), meta.CLOCK_LAPTOP, 1000)
            console.answer(kind, sequence, b'{"clock": "unset"}')
        elif kind == frame.RESTART and not payload[0]:
            self.wish = RESTART
            console.answer(kind, sequence, b"")
        else:
            text = "this is the rescue, no application can be read: tirta update"
            console.refuse(sequence, frame.BAD_REQUEST, text)


class Rescue:
    """What `Dispatcher` and `update` need of a node."""

    slot = b""
    sampler = None

    def __init__(self, line, version, board):
        self.line = line
        self.version = version
        self.board = board
        self.config = {"visit_s": chip.visit()[0]}
        self.stop_reason = 0
        self.clock = Clock()
        self.keeper = _Keeper(_Log(partition_part.halves(chip.partition("log"))[1]))
        self.console = Console(line)
        self.console.greeting = (_GREETING % chip.node_id()).encode()
        self.dispatcher = _Requests(self, self.console)
        self.console.handle = self.dispatcher.handle
        self.gate = None  # of a locked node, as in the application
        self.feed = None  # its watchdog

    def status(self):
        """What there is to say; a laptop finds the keys that it shows."""
        log = self.keeper.log
        problems = [self.keeper.problem]
        if not log.is_found:
            problems.append("flash: the log cannot be read")
        oldest = log.index.after(1)
        gc.collect()
        return {
            "node": chip.node_id(),
            "mode": report.mode(self),
            "epoch": log.epoch,
            "next_record": log.number,
            "oldest_record": log.index.number(oldest) if oldest >= 0 else 0,
            "overruns": 0,
            "lost": 0,
            "log_used": round(len([seq for seq in log.index.seqs if seq]) / log.index.count, 4),
            "clock": "unset",
            "alarms": problems,
            "boot": log.boot,
            "cause": meta.CAUSES[chip.reset_cause()],
            "uptime_s": self.clock.uptime_ms() // 1000,
            "heap_free": gc.mem_free(),
        }

    def run(self):
        """Answer until a laptop wants a restart or the REPL."""
        while not self.console.visit and not self.dispatcher.wish:
            self.console.step()
            wait_ms = self.console.wait_ms()
            if self.feed is not None:
                self.feed()
                wait_ms = min(wait_ms, _TURN_MS)
            if wait_ms:
                self.line.wait(wait_ms)
        self.console.flush()


def main():
    """Run the rescue. Returns for a visit to the REPL, which ends by itself."""
    line = Line()
    line.own(True)
    with open("/frozen/manifest.json") as file:
        manifest = json.load(file)
    rescue = Rescue(line, manifest["version"], manifest["board"])
    if copies.mode(chip.partition("state")) == b"locked" or mark.is_set():
        from tirta_node.access.gate import Gate

        rescue.gate = Gate(rescue, chip.partition("state"))
        from tirta_node.hal import watchdog

        rescue.feed = watchdog.start(_HANG_MS)
    chip.cancel_reset()
    rescue.run()
    if rescue.dispatcher.wish == RESTART:
        chip.reset()
    chip.reset_after(chip.visit()[0])
    line.own(False)
