# SPDX-License-Identifier: MIT
"""The link under faults, in small; `make campaign` goes on with many more seeds, and cuts after
every byte.
"""

import contextlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from link_faults import (
    LOCKED,
    BadLine,
    Tally,
    bad_line,
    cut_and_resume,
    node_with_log,
    transfer,
)
from lockstep import COLUMNS, NODE, Lockstep, SharedLine
from relay import Faults

from tirta.errors import TirtaError
from tirta.link.serial_line import DEFAULT_BAUD, NO_UART
from tirta.node import Node
from tirta.node.tail import follow
from tirta.pull.pull import pull

SEEDS = range(1, 41)
CUTS = 60
RESYNC_S = 2.0


@pytest.fixture(name="node", scope="module")
def node_fixture() -> Iterator[Lockstep]:
    with node_with_log(1000) as node:
        yield node


def test_transfers_over_bad_lines_bring_the_same_or_one_error(
    node: Lockstep, tmp_path: Path
) -> None:
    tally = Tally()
    for seed in SEEDS:
        transfer(node, tmp_path / "one", seed, tally)
    assert tally.wrong == []
    assert tally.same + tally.errors == len(SEEDS)
    assert tally.same > len(SEEDS) // 2
    assert tally.hits
    assert len(SEEDS) > LOCKED


def test_a_cut_anywhere_loses_nothing(tmp_path: Path) -> None:
    with node_with_log(60) as node:
        with bad_line(Faults(), 1), Node("lockstep", NO_UART) as one:
            pull(one, tmp_path / "whole")
        whole = BadLine.passed
        for i in range(CUTS):
            assert cut_and_resume(node, tmp_path / "a", 1 + (whole - 2) * i // (CUTS - 1))
        assert not cut_and_resume(node, tmp_path / "a", whole + 1)


BOOT_LOG = b"\r\nets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET),boot:0x13\r\n"
PROMPT = b'\r\n>>> \r\nMicroPython v1.27.0 on 2026-01-01; ESP32\r\nType "help()"\r\n>>> '
HALF = b"\x00\x03\xff\x10half a frame"


def wrong_baud(chance: random.Random) -> bytes:
    return chance.randbytes(200)


NOISES: dict[str, Callable[[random.Random], bytes]] = {
    "wrong baud": wrong_baud,
    "boot log": lambda _: BOOT_LOG,
    "prompt": lambda _: PROMPT,
    "half a frame": lambda _: HALF,
    "no delimiter": lambda _: b"\x55" * 300,
    "delimiters": lambda _: bytes(300),
}


class NoisyLine(SharedLine):
    """Carries noise instead of what is said, until a moment of the node's clock."""

    ends = 0.0
    noise = staticmethod(wrong_baud)
    chance = random.Random(20261124)

    def write(self, data: bytes) -> None:
        super().write(data if self.node.now >= self.ends else self.noise(self.chance)[:250])

    def read(self, timeout_s: float) -> bytes:
        if self.node.now >= self.ends:
            return super().read(timeout_s)
        super().read(min(timeout_s, 0.01))
        return self.noise(self.chance)


QUESTIONS: dict[str, Callable[[Node], Any]] = {
    "status": Node.status,
    "commit": Node.commit,
    "config": lambda node: node.put_config(b"{}"),
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("seconds", [0.02, 0.4, 0.9, 1.3, 2.1, 3.3, 4.7, 7.0])
def test_noise_is_over_in_two_seconds_of_the_clock(
    node: Lockstep, monkeypatch: pytest.MonkeyPatch, noise: str, seconds: float, question: str
) -> None:
    """Both ends hear nothing but noise for so long; then a question is answered in time."""
    node.restart(1)
    monkeypatch.setattr("tirta.node.requests.Line", NoisyLine)
    monkeypatch.setattr(NoisyLine, "noise", staticmethod(NOISES[noise]))
    with Node("lockstep", DEFAULT_BAUD) as one:
        ends = node.now + seconds
        monkeypatch.setattr(NoisyLine, "ends", ends)
        answered = False
        while not answered:
            with contextlib.suppress(TirtaError):  # after all tries, in the longest noise
                QUESTIONS[question](one)
                answered = True
        assert ends <= node.now < ends + RESYNC_S
        assert one.status()["node"] == NODE


@pytest.mark.parametrize("noise", NOISES)
def test_who_comes_after_noise_is_answered_in_two_seconds(node: Lockstep, noise: str) -> None:
    """Another program was on the line, or one at another rate; the node itself has talked, too."""
    node.restart(1)
    chance = random.Random(noise)
    for _ in range(30):
        node.turn(0.05, NOISES[noise](chance)[:250])
    node.heard += NOISES[noise](chance)
    began = node.now
    with Node("lockstep", DEFAULT_BAUD) as one:
        assert one.status()["node"] == NODE
    assert node.now < began + RESYNC_S


def test_noise_without_an_end_is_one_error_in_bounded_time(
    node: Lockstep, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.restart(1)
    monkeypatch.setattr("tirta.node.requests.Line", NoisyLine)
    monkeypatch.setattr(NoisyLine, "ends", float("inf"))
    began = node.now
    with pytest.raises(TirtaError, match="No node answers"):
        Node("lockstep", DEFAULT_BAUD)
    assert node.now < began + 10


def test_tail_over_a_noisy_line_shows_each_record_once(node: Lockstep) -> None:
    """One byte in 500 is hurt: what is lost is asked again, and no record comes twice."""
    node.restart(1)
    with bad_line(Faults(flips=1e-3, drops=1e-3), 20261124), Node("lockstep", NO_UART) as one:
        samples = list(follow(one, 60))
        assert one.link.retries > 5
    slots = [(s.boot, s.slot) for s in samples]
    assert slots == sorted(set(slots))
    assert slots[-1][1] - slots[0][1] == len(slots) - 1 + sum(s.skipped for s in samples)
    assert all(name in COLUMNS for s in samples for name, _, _ in s.values)
