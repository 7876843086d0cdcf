# SPDX-License-Identifier: MIT
"""Cuts an update that comes over a broker: the link goes in the middle of a message, or the power
in the middle of a flash operation, again and again. After each cut of power, and in the end, the
flash is looked at as a file: a slot that the node may start holds one application, byte for byte.
"""

import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from patience import Patience, wait_for
from state_image import in_force

from tirta import virtual
from tirta.boards import board_file
from tirta.errors import TirtaError
from tirta.image.bundle import Bundle
from tirta.image.littlefs import SLOT_BLOCK, lfs_image
from tirta.install import update
from tirta.node import Node
from tirta_format import state

SHAPES = ("nothing", "half", "random", "bits", "erase-half")
MOST_OPERATIONS = 30  # until the power goes
MOST_BYTES = 3000  # of the node, until the link does
_LOG_S = 20.0


class Target:
    """One node behind a broker, which gets `bundle` again and again until there were `cuts`. `up`
    starts it with the application before.
    """

    def __init__(self, name: str, url: str, up: Callable[[], Any], bundle: Bundle, cuts: int):
        self._name, self._url, self._up, self._bundle = name, url, up, bundle
        self._chance = random.Random(name)
        self._wanted = cuts
        self._moves = 0  # pieces that the node has taken
        self._over = threading.Event()  # this update is on trial, or something is wrong
        board = board_file.load(bundle.board)
        self._places = {p: board.partition(p) for p in ("state", "app_a", "app_b")}
        self._image = lfs_image(bundle.app, self._places["app_b"].size, SLOT_BLOCK)
        self._before = b""
        self._flash = Path()
        self.cuts: Counter[str] = Counter()
        self.updates = 0
        self.refusals: Counter[str] = Counter()
        self.wrong: list[str] = []

    def run(self) -> None:
        """Do all of it; `wrong` says what did not hold."""
        try:
            while self.cuts.total() < self._wanted and not self.wrong:
                self._one_update()
        except Exception as error:  # noqa: BLE001 - of a thread, which the test asks afterwards
            self.wrong.append(f"{type(error).__name__}: {error}")

    def _one_update(self) -> None:
        self._flash = Path(self._up().flash)
        self._before = self._part("app_a")
        self._over.clear()
        saboteur = threading.Thread(target=self._sabotage)
        saboteur.start()
        try:
            self._bring()
        finally:
            self._over.set()
            saboteur.join()
        self._power_on()
        self._judge(must_be_new=True)
        self.updates += 1
        virtual.down(self._name)

    def _bring(self) -> None:
        """As a technician: `tirta update` again, until the node runs it."""
        patience = Patience(3600)
        while not self.wrong and not patience.over():
            try:
                with Node(self._url) as node:
                    if update.slots(node)["version"] == self._bundle.version:
                        return
                    update.send(node, self._bundle, progress=self._moved, trying=self._over.set)
            except TirtaError as error:
                self.refusals[re.sub(r"\S+://\S+", "URL", error.what)] += 1
        self.wrong += ["the update does not come to an end"] * patience.over()

    def _moved(self, _done: int, _all: int) -> None:
        self._moves += 1

    def _sabotage(self) -> None:
        try:
            while not self._over.is_set() and self.cuts.total() < self._wanted:
                moves = self._moves + self._chance.randrange(1, 9)
                wait_for(partial(self._is_beyond, moves))
                if self._over.is_set():
                    return
                if self._chance.randrange(2):
                    self._cut_power()
                else:
                    self._cut_link()
        except Exception as error:  # noqa: BLE001 - of a thread
            self.wrong.append(f"{type(error).__name__}: {error}")

    def _is_beyond(self, moves: int) -> bool:
        return self._moves > moves or self._over.is_set()

    def _cut_link(self) -> None:
        """Behind so many bytes nothing arrives any more; then the access point is away, too."""
        bytes_ = self._chance.randrange(1, MOST_BYTES)
        self._network([], after_bytes=bytes_)
        time.sleep(self._chance.random() * 2)
        self._network(["access-point"])
        time.sleep(self._chance.random())
        self._network([])
        self.cuts["link"] += 1

    def _network(self, without: list[str], after_bytes: int = 0) -> None:
        request = {"do": "network", "without": without, "after_bytes": after_bytes}
        virtual.control(self._name, request)

    def _cut_power(self) -> None:
        shape = self._chance.choice(SHAPES)
        virtual.cut(self._name, self._chance.randrange(1, MOST_OPERATIONS), shape)
        wait_for(self._is_off)
        self._judge()
        self.cuts[f"power, {shape}"] += 1
        self._power_on()

    def _is_off(self) -> bool:
        return bool(virtual.control(self._name, {"do": "status"})["power"] == "off")

    def _power_on(self) -> None:
        if self._is_off():
            virtual.up(self._name)

    def _part(self, name: str) -> bytes:
        place = self._places[name]
        with self._flash.open("rb") as file:
            file.seek(place.offset)
            return file.read(place.size)

    def _judge(self, *, must_be_new: bool = False) -> None:
        """Whatever may start now is whole."""
        fields = in_force(self._part("state"))
        trial = fields.get(state.TRIAL, b"")[:1]
        starts = {fields.get(state.SLOT, b""), *([trial] if trial else [])}
        if not fields or not starts <= {b"a", b"b"}:
            self.wrong.append(f"no state is in force: {fields}")
        if self._part("app_a") != self._before:
            self.wrong.append("the application before was touched")
        if b"b" in starts and self._part("app_b") != self._image:
            self.wrong.append("a mix of two versions may start")
        if must_be_new and b"b" not in starts:
            self.wrong.append(f"the update is not on trial: {starts}")


def run_all(targets: list[Target], log: Path) -> None:
    """Run them beside each other, and note in `log` how far they are."""
    threads = [threading.Thread(target=target.run, daemon=True) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(_LOG_S)
            log.write_text(json.dumps(told(targets)))


def told(targets: list[Target]) -> dict[str, Any]:
    """What came of them so far."""
    cuts: Counter[str] = Counter()
    refusals: Counter[str] = Counter()
    for target in targets:
        cuts += target.cuts
        refusals += target.refusals
    return {
        "cuts": cuts,
        "updates": sum(target.updates for target in targets),
        "refusals": refusals,
        "wrong": [wrong for target in targets for wrong in target.wrong],
    }
