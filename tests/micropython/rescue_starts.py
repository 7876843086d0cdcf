# SPDX-License-Identifier: MIT
"""Starts the rescue on a flash whose first reads fail: it answers all the same, says what is wrong,
and gives the log as soon as it can be read.
"""

import json
import struct

import faketime  # noqa: F401 - before anything of ours
import nochip  # noqa: F401
import rescue
from faketime import time
from lies import READ, Lie
from lying_flash import LyingFlash
from nor import Flash
from writer import FIRST, MANY, Writer

from tirta_format import frame
from tirta_node.hal import chip

BLOCKS = 9


def _failing(image, failures):
    """A flash that fails for so many reads."""
    flash = LyingFlash(BLOCKS, image, lambda: 0, 1)
    flash.lies = [Lie(READ, "error", 1, failures)] if failures else []
    return flash


class _Line:
    def pace(self, baud):
        pass


def _ask(node, kind):
    """(answer, refusal code) to one request."""
    got = []
    node.console.answer = lambda kind, sequence, payload: got.append((bytes(payload), None))
    node.console.refuse = lambda sequence, code, text: got.append((b"", code))
    node.dispatcher.handle(kind, 0, bytes(4) if kind == frame.INDEX else b"")
    return got[0]


def main(failures, records):
    """Print what each start said, by how many reads failed."""
    flash = Flash(BLOCKS)
    writer = Writer(flash, FIRST, time, 5, MANY)
    writer.start(epoch=9)
    writer.run(records)
    writer.stop()
    chip.node_id = lambda: "001122334455"
    chip.visit = lambda: (1800, 0)
    chip.reset_cause = lambda: 1
    for n in failures:
        chip.partition = lambda name, n=n: _failing(flash.image, n)
        node = rescue.Rescue(_Line(), "1.0", "test")
        status = json.loads(_ask(node, frame.STATUS)[0])
        told = {"failures": n, "alarms": status["alarms"], "refused": []}
        for _ in range(n + 1):
            answer, refused = _ask(node, frame.COMMIT)
            told["refused"].append(refused)
            if not refused:
                break
        index = _ask(node, frame.INDEX)[0]
        told["number"], told["page"], _ = struct.unpack("<IIH", answer)
        told["pages"] = (len(index) - 1) // struct.calcsize(frame.INDEX_ENTRY)
        told["status"] = json.loads(_ask(node, frame.STATUS)[0])
        used = len([seq for seq in writer.log.index.seqs if seq])
        told["truth"] = [used, writer.log.seq, writer.log.epoch]
        print(json.dumps(told))
