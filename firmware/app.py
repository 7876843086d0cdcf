# SPDX-License-Identifier: MIT
"""The application: the composition root, and the only file that knows all the parts.

sensors -> sampler -> ring -> log, and the console beside them, one step at a time: a sample when
it is due, all else in the slack between samples. `main` returns when the line goes to the REPL;
everything is committed then. Without a usable config the node samples nothing and says why.
"""

import gc
import json

from micropython import const

from tirta_format import meta
from tirta_node import rarely, sensors
from tirta_node.clock import Clock
from tirta_node.commands import RESTART, Commands
from tirta_node.console import Console
from tirta_node.hal import chip
from tirta_node.hal.line import Line
from tirta_node.keeper import Keeper
from tirta_node.ring import Ring
from tirta_node.sampler import Sampler
from tirta_node.schedule import Schedule

_GC_BYTES = const(
    16384
)  # collect after so many allocated bytes: often, so that each pause is short
_RULES = "tirta_format.config"


class Node:
    """The parts. `commands` wires the laptop's wishes to the methods here."""

    def __init__(self, line, version, board):
        self.version = version
        self.board = board
        self.clock = Clock()
        self.config_problem = ""
        self.stop_reason = meta.STOP_VISIT
        self.config = self._read_config()
        channels = self.config.pop("channels")
        self.sensors = [sensors.build(channel) for channel in channels]
        self.names = [channel["name"] for channel in channels]
        self.schedule = Schedule(self.config["interval_ms"])
        self.ring = Ring(len(self.names) or 1)
        self.sampler = Sampler(self.sensors, self.ring, self.schedule)
        self.keeper = Keeper(
            chip.partition("log"),
            self.clock,
            self.ring,
            self.config["interval_ms"],
            self.config["commit_ms"],
        )
        self.line = line
        self.console = Console(line)
        self.commands = Commands(self, self.console)
        self.console.handle = self.commands.handle

    def _read_config(self):
        text = self.config_text()
        try:
            return rarely.call(_RULES, "parse", text)
        except ValueError as error:
            what = str(error) if text else "none yet: tirta config apply"
            self.config_problem = what
        return {"channels": [], "interval_ms": 60000, "commit_ms": 60000, "visit_s": 1800}

    def config_text(self):
        """The text of the config in force, or nothing: read again each time, it takes 1 KB."""
        return rarely.call("tirta_node.store", "config", chip.partition("state"))

    def start(self):
        """Find the log's head, and say in it that and why the node started."""
        rarely.call("tirta_node.begin", "begin", self)
        chip.keep_visit_s(self.config["visit_s"])
        chip.stay()

    def note_anchor(self):
        """Say in the log what the wall clock says."""
        clock = self.clock
        self.keeper.log.note(
            meta.anchor(
                clock.anchor_uptime_ms, clock.anchor_unix_ms, clock.source, clock.uncertainty_ms
            )
        )

    def set_clock(self, unix_ms, source, uncertainty_ms):
        """The wall clock says `unix_ms` now."""
        self.clock.set(unix_ms, source, uncertainty_ms)
        chip.keep_unix_ms(unix_ms)
        if self.sensors:
            self.note_anchor()

    def keep_config(self, text):
        """Store a checked config; it is in force after a restart.

        A checkpoint before it: the next boot must not add up records of the old config.
        """
        if self.sensors:
            self.keeper.settle()
            self.keeper.log.checkpoint()
        rarely.call("tirta_node.store", "change_config", chip.partition("state"), text)

    def run(self):
        """Sample, commit and answer until the laptop wants something else."""
        while not self.console.visit and not self.commands.wish:
            if self.sensors:
                self.sampler.step()
                self.keeper.work(self.schedule.left_ms())
            self.console.step()
            wait_ms = self.console.wait_ms()
            if self.sensors:
                wait_ms = min(wait_ms, self.sampler.wait_ms())
            if wait_ms:
                self.line.wait(wait_ms)

    def stop(self):
        """End in order: everything is durable, and the log says why the node stops."""
        if self.sensors:
            self.keeper.settle()
            self.keeper.log.checkpoint()
            self.keeper.log.note(meta.stop(self.clock.uptime_ms(), self.stop_reason))
        self.console.flush()


def _version_and_board():
    with open("/app/manifest.json") as file:
        manifest = json.load(file)
    return manifest["version"], manifest["board"]


def main():
    """Run the node. Returns for a visit to the REPL, which ends by itself."""
    gc.threshold(_GC_BYTES)
    line = Line()
    line.own(True)
    node = Node(line, *_version_and_board())
    node.start()
    node.run()
    node.stop()
    if node.commands.wish == RESTART:
        chip.reset()
    visit_s = node.config["visit_s"]
    chip.reset_after(visit_s)
    print("Tirta: the node pauses for the REPL, and starts again in %d s at the latest" % visit_s)
    line.own(False)
