# SPDX-License-Identifier: MIT
"""Cuts the power at every flash operation of an update, in every shape, and again in the recovery.

The node's own code runs: what boot.py chooses with (frozen/slot.py, trials.py), the requests that
fill a slot, and the confirmation. In the place of the laptop and of the reset stands this file.
After each cut the node must start the old application or the new one, whole, with its config. A
laptop in a hurry then asks for the trial at once: refused, unless all of the slot is there. Then
either the update is sent again and must arrive, or nothing confirms it and the old one must return.
A *story* is (slot in force, whether the new application is sound).
"""

import json
import sys
from binascii import crc32
from hashlib import sha256

import nochip  # noqa: F401

sys.modules["esp32"] = sys.modules["machine"]
import faketime  # noqa: F401, E402
import slot  # noqa: E402 - out of frozen/
import vfs  # noqa: E402
from nor import SHAPES, Flash  # noqa: E402

from tirta_format import frame, state, updates  # noqa: E402
from tirta_format import page as pages  # noqa: E402
from tirta_node import unload  # noqa: E402
from tirta_node.clock import Clock  # noqa: E402
from tirta_node.hal import chip  # noqa: E402
from tirta_node.state import copies  # noqa: E402
from tirta_node.storage.partition_part import PartitionPart  # noqa: E402
from tirta_node.updates import app_trial, start_trial, update  # noqa: E402

STATE_BLOCKS = 4
PIECE = 1024
CONFIG = b'{"name":"what an update must not touch"}' * 5
BOOTS = 5  # more than a trial has
_MODULES = {m.__name__: m for m in (start_trial, copies, app_trial, update)}


class Part(PartitionPart):
    BLOCK = Flash.BLOCK

    def content(self):
        whole = bytearray(self.blocks * Flash.BLOCK)
        for i in range(self.blocks):
            self.read(i, 0, memoryview(whole)[i * Flash.BLOCK : (i + 1) * Flash.BLOCK])
        return whole


class Board:
    """One flash as the partitions that boot.py and the application ask for."""

    def __init__(self, flash, slot_blocks):
        self.flash = flash
        self.parts = {
            "state": Part(flash, 0, STATE_BLOCKS),
            "app_a": Part(flash, STATE_BLOCKS, slot_blocks),
            "app_b": Part(flash, STATE_BLOCKS + slot_blocks, slot_blocks),
        }

    def plug_in(self):
        chip.partition = lambda name: self.parts[name]


class Console:
    """Takes answers. `stream` is called as the real one does."""

    def __init__(self):
        self.stream = None
        self.said = None

    def answer(self, kind, sequence, data):
        self.said = kind, data

    def refuse(self, sequence, code, text):
        self.said = frame.REFUSAL, text


class Kept:
    """The log, of which a trial says in which version it is written."""

    def __init__(self):
        self.log = self
        self.version = pages.OLDEST


class Node:
    """What the requests need of an application that runs out of `slot`."""

    def __init__(self, where, version):
        self.slot = where
        self.version = version
        self.board = "virtual"
        self.sampler = None
        self.health = self.gate = None
        self.keeper = Kept()
        self.clock = Clock()
        self.dispatcher = self
        self._methods = {}
        self.wish = 0
        self.console = Console()

    def lend(self, methods):
        self._methods.update(methods)

    def ask(self, kind, payload=b""):
        """The laptop's side of one request."""
        console = self.console
        console.said = console.stream = None
        method = self._methods.get(kind)
        if method:
            method(0, payload)
        else:
            update.handle(self, console, kind, 0, payload)
        while console.said is None:
            console.stream()
        if console.said[0] == frame.REFUSAL:
            raise ValueError(console.said[1])
        return console.said[1]

    def update(self, image):
        """As tirta.install.update.send: only what differs."""
        self.ask(updates.BEGIN)
        blocks = len(image.data) // Flash.BLOCK
        have = b""
        while len(have) < 4 * blocks:
            have += self.ask(updates.HASHES, bytes((len(have) // 4, 0, 16)))
        for i in range(blocks):
            if have[4 * i : 4 * i + 4] != image.crcs[i]:
                self.ask(updates.ERASE, bytes((i, 0)))
                for at in range(0, Flash.BLOCK, PIECE):
                    part = image.data[i * Flash.BLOCK + at :][:PIECE]
                    if part != b"\xff" * PIECE:
                        self.ask(updates.WRITE, bytes((i, 0, at & 255, at >> 8)) + part)
        self.ask(updates.TRY, b"\x01" + image.digest)

    def hurry(self, image, flash):
        """Ask for the trial of what a cut left in the slot; whether it was all there."""
        whole, refused = flash == image.data, ""
        try:
            self.ask(updates.TRY, b"\x01" + image.digest)
        except ValueError as error:
            refused = str(error)
        assert whole == (not refused), refused or "a slot that is not whole goes on trial"
        assert whole or "send it again" in refused, refused
        return whole


class Image:
    def __init__(self, path, version):
        with open(path, "rb") as file:
            self.data = file.read()
        self.version = version
        self.digest = sha256(self.data).digest()
        n = Flash.BLOCK
        self.crcs = [
            crc32(self.data[i : i + n]).to_bytes(4, "little") for i in range(0, len(self.data), n)
        ]


class Campaign:
    def __init__(self, old, new, stride, seed):
        self._old = old
        self._new = new
        self._stride = stride
        self._seed = seed
        self.numbered = 0
        self.cuts = 0
        self.starts = 0
        self._board = None  # that is plugged in

    def run(self, in_force, sound):
        """One story, cut at every operation."""
        blocks = len(self._old.data) // Flash.BLOCK
        flash = Flash(STATE_BLOCKS + 2 * blocks)
        board = Board(flash, blocks)
        first = board.parts["app_" + in_force.decode()]
        for i in range(blocks):
            flash_block = self._old.data[i * Flash.BLOCK : (i + 1) * Flash.BLOCK]
            first.program(i, 0, flash_block)
        copies.change(board.parts["state"], {state.SLOT: in_force, state.CONFIG: CONFIG})
        self._blocks = blocks
        self._sound = sound
        flash.watch = lambda *operation: self._cut(flash, operation, True)
        self._live(board)
        flash.watch = None

    def _cut(self, flash, operation, again):
        """Fork: what each shape of this torn operation leads to."""
        for i, shape in enumerate(SHAPES):
            self.numbered += 1
            if not again and self.numbered % self._stride:
                continue
            self.cuts += 1
            seed = self._seed * 7919 + flash.operations * 31 + i
            torn = flash.torn(*operation, shape, seed)
            if again:
                torn.watch = lambda *operation, torn=torn: self._cut(torn, operation, False)
            cut_off = self._board
            self._live(Board(torn, self._blocks), (operation[0], operation[1], shape))
            torn.watch = None
            self._board = cut_off
            cut_off.plug_in()

    def _start(self, board, where):
        """A start of boot.py: the slot and version that run. Fails on neither."""
        self.starts += 1
        at = slot.mount()
        assert at, "nothing starts after a cut at %s" % (where,)
        version, code = _content()
        vfs.umount("/app")
        sys.path.remove("/app")
        want = {image.version: image for image in (self._old, self._new)}[version]
        assert code == want.code, "%s is not whole after %s" % (version, where)
        assert copies.config(board.parts["state"]) == CONFIG, where
        return at, version

    def _live(self, board, where="nothing"):
        """From power-on to the end of the story."""
        self._board = board
        board.plug_in()
        at, version = self._start(board, where)
        node = Node(at, version)
        fields = copies.load(board.parts["state"])
        settled = state.TRIAL not in fields and state.OUTCOME not in fields
        if version != self._new.version and settled:
            other = board.parts["app_b" if at == b"a" else "app_a"]
            if not node.hurry(self._new, other.content()):
                node.update(self._new)
            at, version = self._start(board, where)
        for _ in range(BOOTS):
            fields = copies.load(board.parts["state"])
            if fields.get(state.TRIAL, b"")[:1] == at and self._sound:
                app_trial.confirm(Node(at, version))
            at, version = self._start(board, where)
        fields = copies.load(board.parts["state"])
        assert state.TRIAL not in fields, where
        wanted = self._new if self._sound else self._old
        assert version == wanted.version, "%s at the end after %s" % (version, where)


def _content():
    with open("/app/manifest.json") as file:
        version = json.load(file)["version"]
    with open("/app/app.mpy", "rb") as file:
        return version, file.read()


def _call(module, function, *args):
    return getattr(_MODULES[module], function)(*args)


def main(old_path, new_path, stride, seed):
    unload.call = _call
    chip.reset_cause = lambda: 2
    chip.reset_after = chip.cancel_reset = lambda *args: None
    chip.visit = lambda: (1800, 0)
    old, new = Image(old_path, "0.1.0"), Image(new_path, "0.2.0")
    for image in (old, new):
        board = Board(Flash(STATE_BLOCKS + 2 * (len(image.data) >> 12)), len(image.data) >> 12)
        for i in range(len(image.data) >> 12):
            board.parts["app_a"].program(i, 0, image.data[i << 12 : (i + 1) << 12])
        copies.change(board.parts["state"], {state.SLOT: b"a"})
        board.plug_in()
        assert slot.mount() == b"a"
        version, image.code = _content()
        assert version == image.version
        vfs.umount("/app")
        sys.path.remove("/app")
    done = starts = 0
    for in_force in (b"a", b"b"):
        for sound in (True, False):
            campaign = Campaign(old, new, stride, seed)
            campaign.run(in_force, sound)
            done += campaign.cuts
            starts += campaign.starts
    print(json.dumps({"cuts": done, "starts": starts}))
