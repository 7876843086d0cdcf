# SPDX-License-Identifier: MIT
"""Pulls from the firmware over lines that hurt bytes: the same pages, or one clean error.

The node shares its time with the laptop (lockstep.py), so a transfer takes what it computes,
however long its waits. The faults are those of the bench's cable (tests/bench/relay.py). Whatever
a pull stored, also one that ended in an error, must be what lies on the node's flash.
"""

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from flash_log import pages
from lockstep import KEY, NODE, Lockstep, SharedLine, shared_time
from relay import Cable, Faults

from tirta.archive.evidence import Archive
from tirta.errors import TirtaError
from tirta.keys.credential import Credential
from tirta.link.serial_line import NO_UART, LineLostError
from tirta.node import Node
from tirta.pull.pull import PullResult, pull
from tirta_format import access

LEAST, MOST = -6.0, -2.0  # exponents of the chances a byte
LOCKED = 4  # every so many transfers are from a locked node
_RATE = 3_000_000


class BadLine(SharedLine):
    """A line whose bytes are hurt both ways; pulled off after `cut_at` bytes."""

    faults = Faults()
    seed = 1
    hits = 0
    passed = 0  # of the line that was opened last

    def __init__(self, port: str, baud: int) -> None:
        super().__init__(port, baud)
        chance = random.Random(self.seed)
        self._ways = [Cable(_RATE, self.faults, chance) for _ in range(2)]
        BadLine.passed = 0

    def write(self, data: bytes) -> None:
        super().write(self._hurt(self._ways[0], data))
        self._may_end()

    def read(self, timeout_s: float) -> bytes:
        data = super().read(timeout_s)
        data = self._hurt(self._ways[1], data) if data else data
        self._may_end()
        return data

    def _hurt(self, way: Cable, data: bytes) -> bytes:
        if self.faults.cut_at:
            data = data[: max(0, self.faults.cut_at - BadLine.passed)]
        BadLine.passed += len(data)
        before = way.hits
        data = way.hurt(data, self.node.now)
        BadLine.hits += way.hits - before
        self.node.now = max(self.node.now, way.stopped_until)
        return data

    def _may_end(self) -> None:
        """The last byte arrived; the next call finds no port."""
        if self.faults.cut_at and BadLine.passed >= self.faults.cut_at:
            raise LineLostError(f"The connection to {self.port} broke.")


@contextmanager
def bad_line(faults: Faults, seed: int) -> Iterator[None]:
    """Every node that is opened in here is behind such a line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tirta.node.requests.Line", BadLine)
        patch.setattr(BadLine, "faults", faults)
        patch.setattr(BadLine, "seed", seed)
        yield


@contextmanager
def node_with_log(records: int) -> Iterator[Lockstep]:
    """A node that has so many records, and whose keys the laptop has."""
    with Lockstep(records) as node, shared_time(node), pytest.MonkeyPatch.context() as patch:
        patch.setattr("tirta.link.conversation._candidates", lambda _node, _role: [credential()])
        yield node


def credential() -> Credential:
    """What opens the node in lockstep."""
    claims = access.claims(access.TECHNICIAN, 7, 1, access.NEVER)
    return Credential(NODE, claims, access.credential_key(KEY, claims))


def faults_of(seed: int) -> Faults:
    """One or more kinds of faults, each as likely as the seed says."""
    chance = random.Random(seed)
    kinds = chance.sample(("flips", "drops", "duplicates", "delays"), chance.choice((1, 1, 2, 4)))
    rates: dict[str, Any] = {kind: 10 ** chance.uniform(LEAST, MOST) for kind in kinds}
    return Faults(**rates, delay_s=0.02)


@dataclass
class Tally:
    """What many transfers came to."""

    transfers: int = 0
    same: int = 0
    errors: int = 0
    frames: int = 0
    damaged: int = 0
    hits: int = 0
    bytes: int = 0
    wrong: list[str] = field(default_factory=list)


def stored(folder: Path) -> dict[int, bytes]:
    """Pages of the only node in an archive."""
    epochs = Archive(folder).epochs()
    return {seq: page.read() for epoch in epochs for seq, page in epoch.pages().items()}


def differing(have: dict[int, bytes], truth: dict[int, bytes]) -> list[int]:
    """Pages that are not what the node has; its last one may have grown meanwhile."""
    wrong = []
    for seq, data in have.items():
        known = truth.get(seq, b"")[: len(data)]
        if len(known) != len(data) or sha256(data).digest() != sha256(known).digest():
            wrong.append(seq)
    return wrong


def problem(node: Lockstep, folder: Path, result: PullResult | None) -> str:
    """What is wrong with what a pull stored, and with the `result` of one that ended well."""
    have = stored(folder)
    truth: dict[int, bytes] = {}
    for epoch in Archive(folder).epochs():
        truth |= pages(node.image(), epoch.number)
    if wrong := differing(have, truth):
        return f"pages {wrong} differ"
    if result and (result.holes or result.total != result.next_record or not have):
        return f"{result.total} of {result.next_record} records, holes {result.holes}"
    return ""


def transfer(node: Lockstep, folder: Path, seed: int, tally: Tally) -> None:
    """One pull into `folder`, which is removed again."""
    tally.transfers += 1
    node.restart(seed, locked=seed % LOCKED == 0)
    result = None
    with bad_line(faults_of(seed), seed):
        before = BadLine.hits
        try:
            with Node("lockstep", NO_UART) as one:
                try:
                    result = pull(one, folder)
                    tally.same += 1
                finally:
                    tally.frames += one.link.whole_frames + one.link.damaged_frames
                    tally.damaged += one.link.damaged_frames
                    tally.bytes += one.wire_bytes
        except TirtaError:
            tally.errors += 1
        tally.hits += BadLine.hits - before
    if wrong := problem(node, folder, result):
        tally.wrong.append(f"seed {seed}: {wrong}")
    shutil.rmtree(folder, ignore_errors=True)


def cut_and_resume(node: Lockstep, folder: Path, cut_at: int) -> bool:
    """Pull until so many bytes went over the line, then again without a fault; whether it was cut.

    Raises AssertionError where anything is lost, doubled or different.
    """
    node.restart(1)
    cut = False
    with bad_line(Faults(cut_at=cut_at), 1):
        try:
            with Node("lockstep", NO_UART) as one:
                pull(one, folder)
        except TirtaError:
            cut = True
    wrong = problem(node, folder, None)
    assert not wrong, f"cut at {cut_at}: {wrong}"
    with Node("lockstep", NO_UART) as one:
        wrong = problem(node, folder, pull(one, folder))
    assert not wrong, f"cut at {cut_at}, pulled again: {wrong}"
    shutil.rmtree(folder)
    return cut
