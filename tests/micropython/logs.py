# SPDX-License-Identifier: MIT
"""Writes logs as a node would, one for each thing that happens to nodes, and tells their flash and
what was sampled. The configs are real ones: the product's decoder reads them.
"""

import json

from faketime import time
from nor import Flash
from writer import EACH, FEW, NEVER, Setup, Writer, tell

from tirta_format import meta
from tirta_format import page as pages

BLOCKS = 13  # a journal of 4 pages and a log of 9


def _setup(*names):
    channels = []
    for i, name in enumerate(names):
        channel = {"name": name, "scale": 10, "pin": i}
        if i == 0:
            channel.update({"sensor": "pulse", "counter": 0, "ml": 10000})
        else:
            channel.update({"sensor": "voltage", "uv0": 0, "uv1": 1000, "value0": 0, "value1": 9})
        channels.append(channel)
    config = {"board": "virtual", "channels": channels, "interval_ms": 1000}
    return Setup(json.dumps(config).encode(), len(names), {0: names[0]})


WIDE = _setup(*["channel_%d" % i for i in range(32)])
SMALL = _setup("flow", "p_inlet", "p_outlet")
ONE = _setup("flow")
TWO = _setup("flow", "p_inlet")


class Story:
    """One flash and the boots on it."""

    def __init__(self, name):
        self.name = name
        self.flash = Flash(BLOCKS)
        self.writers = []

    def boot(self, setup, regime=FEW, version=pages.VERSION):
        writer = Writer(self.flash, setup, time, 100 + len(self.writers), regime)
        writer.log.version = version
        self.writers.append(writer)
        writer.start(epoch=99)
        return writer

    def log(self, writer, records):
        """What waits for its chunk goes into the log at the end: a laptop asked."""
        writer.run(records)
        writer.commit()

    def tell(self, damaged=False):
        last = self.writers[-1]
        event = {
            "name": self.name,
            "acks": [ack for w in self.writers for ack in w.acks()],
            "totals": last.log.totals,
            "next": last.log.number,
            "boots": len(self.writers),
            "configs": [w.setup.text.decode() for w in self.writers],
            "damaged": damaged,
        }
        tell(event, self.flash.image)


def normal():
    story = Story("normal")
    writer = story.boot(SMALL)
    writer.log.note(meta.anchor(5000, 1741000000123, 2, 150))
    story.log(writer, 400)
    writer.stop()
    story.tell()


def one_channel():
    story = Story("one channel")
    story.log(story.boot(ONE, NEVER), 900)
    story.tell()


def reboots():
    story = Story("reboots")
    for i in range(5):
        writer = story.boot(SMALL, (EACH, FEW, NEVER)[i % 3])
        story.log(writer, 90)
        if i % 2:
            writer.stop()
    story.tell()


def torn():
    """Three boots, the first two of which ended in a torn chunk."""
    story = Story("torn")
    for shape in ("half", "tail", ""):
        writer = story.boot(SMALL)
        story.log(writer, 50)
        if shape:
            kept = story.flash
            cut = []

            def watch(*operation, kept=kept, cut=cut, shape=shape):
                if not cut:
                    cut.append(kept.torn(*operation, shape, 5))

            acks = writer.acks()
            writer.sample(9)
            kept.watch = watch
            writer.commit()
            writer.acks = lambda acks=acks: acks
            story.flash = cut[0]
    story.tell(damaged=True)


def wraps():
    story = Story("wraps")
    writer = story.boot(WIDE)
    story.log(writer, 600)
    writer.stop()
    writer = story.boot(WIDE)
    story.log(writer, 100)
    story.tell()


def new_config():
    story = Story("new config")
    for setup in (SMALL, WIDE, ONE, SMALL):
        writer = story.boot(setup)
        story.log(writer, 60)
        writer.prepare_config()
        writer.stop(meta.STOP_CONFIG)
    story.tell()


def versions():
    """A new application on trial, confirmed, put back by its technician, and the new one again."""
    story = Story("versions")
    writer = story.boot(TWO, NEVER, pages.OLDEST)
    story.log(writer, 200)
    writer.log.version = pages.VERSION  # from the next page on
    story.log(writer, 1200)
    writer.log.version = pages.OLDEST
    writer.log.close_other()
    writer.stop()
    story.log(story.boot(TWO, FEW, pages.OLDEST), 150)
    story.log(story.boot(TWO, FEW), 150)
    story.tell()


def main():
    for write in (normal, one_channel, reboots, torn, wraps, new_config, versions):
        write()
