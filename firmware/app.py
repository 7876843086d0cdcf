# SPDX-License-Identifier: MIT
"""The application: the composition root, and the only file that knows all the parts.

sensors -> sampler -> ring -> log, and the console beside them, one step at a time: a sample when
it is due, all else in the slack between samples, each piece measured. `main` returns when the line
goes to the REPL; everything is committed then. Without a usable config the node samples nothing
and says why.
"""

import gc
import time

from micropython import const

from tirta_format import meta
from tirta_node import unload
from tirta_node.clock import Clock
from tirta_node.hal.line import Line
from tirta_node.line.console import RESTART, Console
from tirta_node.requests.dispatch import Dispatcher
from tirta_node.stopwatch import GC, LINK, Stopwatch
from tirta_node.storage.keeper import ENCODE, Keeper
from tirta_node.storage.ring import Ring

# Collect after so many allocated bytes: often, so that each pause is short.
_GC_BYTES = const(16384)
_SLOTS = const(0x3FF00000)  # of a boot: larger numbers are objects on the chip's heap
_CHIP = const("tirta_node.hal.chip")
_PROBATION = const("tirta_node.state.config_trial")


class Node:
    """The parts. `dispatcher` wires the laptop's wishes to the methods here."""

    def __init__(self, line, slot, version, board):
        self.slot = slot
        self.version = version
        self.board = board
        self.clock = Clock()
        self.stop_reason = meta.STOP_VISIT
        self.trial_s = 0  # of a config that is on trial
        self.locked = self.proves = False  # the state says whether
        self.config = unload.call("tirta_node.state.choose_config", "begin", self)
        self.ring = Ring(self.config.pop("columns"))
        self.sampler = None
        self.alarms = None
        self.stopwatch = Stopwatch()
        self.keeper = Keeper(
            unload.call(_CHIP, "partition", "log"),
            self.clock,
            self.ring,
            self.config["interval_ms"],
            self.config["commit_ms"],
        )
        self.line = line
        self.console = Console(line)
        self.dispatcher = Dispatcher(self, self.console)
        self.console.handle = self.dispatcher.handle
        self.gate = None  # of a locked node
        self.uplink = None  # of a locked node whose config names one
        self.kept = b""  # of the heap, as long as the node runs
        self.health = None  # watched on trial and under a watchdog

    def config_text(self):
        """The config that runs, or nothing: read again each time, it takes 1 KB."""
        return unload.call(
            "tirta_node.state.copies", "config", unload.call(_CHIP, "partition", "state")
        )

    def note_boot(self, *found):
        """Say in the log that and why the node started."""
        unload.call("tirta_node.start.boot_notes", "note_boot", self, *found)

    def start(self):
        """Find the log's head, and say in it that and why the node started; then make the sensors,
        which would take the room for it.
        """
        if self.config["channels"]:
            unload.call("tirta_node.sensors.counting", "begin", self.config)
        unload.call("tirta_node.start.boot_notes", "begin", self)
        if self.config["channels"]:
            made = unload.call("tirta_node.sensors", "make", self.config)
            self.sampler = unload.call("tirta_node.sampling.assemble", "sampler", self, *made)
            if "alarms" in self.config:
                self.alarms = unload.call("tirta_node.alarms.alarm_setup", "begin", self)
        del self.config["channels"]
        unload.call("tirta_node.start.boot_notes", "begin_trial", self)
        if self.trial_s:
            unload.call("tirta_node.state.config_deadline", "watch", self)
        unload.call(_CHIP, "keep_visit", self.config["visit_s"])
        if self.locked:
            from tirta_node.access.gate import Gate

            self.gate = Gate(self, unload.call(_CHIP, "partition", "state"))
            self.gate.watch()
            if "uplink" in self.config and self.sampler:
                import tirta_format.uplink_seal  # noqa: F401 - else each of its phases had its own

                try:
                    self.uplink = unload.call("tirta_node.uplink.uplink_setup", "begin", self)
                except MemoryError:
                    gc.collect()  # status tells that it has none; it samples all the same

    def run(self):
        """Sample, commit and answer until the laptop wants something else."""
        sampler, stopwatch, console = self.sampler, self.stopwatch, self.console
        step = console.step  # so many variables as tests/host/test_long_frames.py wants
        if sampler:  # a tenth of a tick is spent on looking these up
            tick, cells, state, parts = sampler.tick, sampler.cells, sampler.state, sampler.parts
            ticks_ms = time.ticks_ms
        while not console.visit and not self.dispatcher.wish:
            if sampler:
                left_ms = tick(cells, state, ticks_ms(), parts)
            stopwatch.begin()
            if sampler:
                did = self.keeper.work(left_ms)
                stopwatch.done(did)
                if did > ENCODE:
                    sampler.flash_was_busy()
                    left_ms = tick(cells, state, ticks_ms(), parts)
                    stopwatch.begin()
                    gc.collect()
                    stopwatch.done(GC)
                    if sampler.slots() >= _SLOTS:
                        self._begin_anew()
            step()
            stopwatch.done(LINK)
            wait_ms = console.wait_ms()
            if self.uplink is not None:
                wait_ms = min(wait_ms, self.uplink.step(left_ms - stopwatch.passed_us // 1000))
                stopwatch.done(LINK)
            if sampler:
                wait_ms = sampler.poll(min(wait_ms, left_ms - stopwatch.passed_us // 1000))
                if self.alarms is not None:
                    self.alarms.step()
            if self.health is not None:
                wait_ms = min(wait_ms, self.health.step())
            if wait_ms > 0:
                self.line.wait(wait_ms)

    def _begin_anew(self):
        """The slots of this boot come to their end: a new boot counts from 0."""
        self.dispatcher.wish = RESTART
        self.stop_reason = meta.STOP_RESTART

    def stop(self):
        """End in order: everything is durable, and the log says why the node stops."""
        sampler = self.sampler
        if sampler:
            sampler.tick(sampler.cells, sampler.state, time.ticks_ms(), sampler.parts)
            try:
                self.keeper.settle()
                unload.call(
                    "tirta_node.storage.next_page", "stop", self.keeper.log, self.stop_reason
                )
            except OSError as error:
                self.keeper.fail(error)  # a flash that refuses keeps nobody from the REPL
        if self.uplink is not None:
            self.uplink.finish()
        self.console.flush()
        if self.console.lapse is not None:
            self.console.lapse()


def _version_and_board():
    """Out of the manifest's ends: it takes 26 KB whole, in the way of the sensors."""
    with open("/app/manifest.json") as file:
        head = file.read(200)
        file.seek(-100, 2)
        return _value(file.read(), "version"), _value(head, "board")


def _value(text, key):
    return text.split('"%s":"' % key)[-1].split('"')[0]


def _started(*args):
    node = Node(*args)
    node.start()
    return node


def main(slot):
    """Run the node out of `slot`. Returns for a visit to the REPL, which ends by itself."""
    gc.threshold(_GC_BYTES)
    kept = unload.call("tirta_node.hal.heap", "widen")
    line = Line()
    line.own(True)
    version, board = _version_and_board()
    try:
        node = _started(line, slot, version, board)
    except Exception as error:
        gc.collect()  # the parts that were made may fill RAM
        if unload.call(_PROBATION, "failed", version, error):
            unload.call(_CHIP, "reset")
        raise
    node.kept = kept
    unload.wipe()
    node.run()
    node.stop()
    if node.dispatcher.wish == RESTART:
        unload.call(_PROBATION, "leave", node)
        unload.call(_CHIP, "reset")
    visit_s = node.config["visit_s"]
    unload.call(_CHIP, "reset_after", visit_s)
    print("Tirta: the node pauses for the REPL, and starts again in %d s at the latest" % visit_s)
    line.own(False)
