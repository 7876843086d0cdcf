# SPDX-License-Identifier: MIT
"""Every lie that the formats allow, told to every command that hears it: one message and exit code
1, or an honest end; no traceback, no hang, nothing outside the archive, nothing that obeys a
terminal. Here each SHARE-th of them; `make campaign` tells all, and 100,000 that chance makes.
"""

import itertools
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import lies
import pytest
from liar import LiarNode, Lie, shared
from lying_commands import COMMANDS, LOCKED, run
from run_lies_campaign import block
from watching import watched

from tirta.errors import TirtaError
from tirta.node import Node
from tirta.virtual.demo_config import DEMO_CONFIG
from tirta_format import access, frame, staging, updates

SHARE = 8
LEAST = 500
BY_CHANCE = 150

Case = tuple[int, str, str, Lie]  # request, command, what the lie is, the lie


def honest(*, locked: bool = False) -> LiarNode:
    """A node with two pages and a bit."""
    node = LiarNode(locked=locked)
    node.log.add(300)
    return node


def cases(kind: int) -> Iterator[Case]:
    """Every lie about one request, with a command that hears it."""
    commands = itertools.cycle(COMMANDS[kind])
    node = honest()
    node._staged = bytearray(node.config_text)
    node.rates = True
    asked = {
        frame.INDEX: bytes(4),
        frame.READ: struct.pack("<H", 4096) + struct.pack(frame.READ_RANGE, 1, 0, 1, 4096),
        frame.CONFIG_GET: bytes(2),
        frame.CONFIG_PUT: struct.pack("<HH", 300, 0) + bytes(96),
        access.DIGEST: struct.pack(access.DIGEST_REQUEST, 1, 0, 1, 4096),
        staging.STAGE: struct.pack("<IH", node.log.config_hash, 60),
        staging.CONFIRM: struct.pack("<I", node.log.config_hash),
        frame.RATE: struct.pack("<I", 921_600),
        frame.PULLED: bytes(8),
        updates.HASHES: b"\0\0\x10",
    }.get(kind, b"")
    true = node.truth(kind, asked)[0][1]
    for name, payload in lies.of_answer(kind, true):
        yield kind, next(commands), name, lies.replacing(kind, payload)
    for command in COMMANDS[kind]:
        for name, lie in lies.of_frames(kind):
            yield kind, command, name, lie


def tell(case: Case, folder: Path, line: dict[str, float] | None = None) -> int:
    """Run a command with a node that lies; its exit code."""
    kind, command, _, lie = case
    node = honest(locked=kind in LOCKED)
    node.rates = kind == frame.RATE
    node.lie = lie
    archive = folder / "archive"
    places = {"PORT": str(folder / "port"), "DIR": str(archive), "FILE": str(DEMO_CONFIG)}
    (folder / "port").touch()
    words = [places.get(word, word) for word in command.split()]
    known = Path(os.environ["TIRTA_KEYS"]).parent
    with shared(node, **(line or {})) as clock, watched(archive, known, never=lies.PATHS):
        clock.endless = words[0] == "tail"
        return run(words)


def judged(case: Case, folder: Path, capsys: pytest.CaptureFixture[str], **line: float) -> None:
    """Tell one lie, and look at all that it led to."""
    name = f"{case[1]}, answer to {case[0]:#x}: {case[2]}"
    try:
        code = tell(case, folder, line)
    except BaseException as error:  # whatever it is, the lie is wanted with it
        raise AssertionError(name) from error
    out, err = capsys.readouterr()
    assert not lies.obeyed(out + err), name
    assert code in {0, 1}, name
    if code and not case[1].startswith("doctor"):
        assert err.count("tirta: ") == 1, (name, err)


@pytest.mark.parametrize("kind", COMMANDS)
def test_no_lie_is_more_than_one_message(
    kind: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for case in itertools.islice(cases(kind), kind % SHARE, None, SHARE):
        judged(case, tmp_path, capsys)


@pytest.mark.campaign
@pytest.mark.parametrize("kind", COMMANDS)
def test_no_lie_at_all(kind: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for case in cases(kind):
        judged(case, tmp_path, capsys)


def test_enough_lies_are_told() -> None:
    assert sum(len([*cases(kind)]) // SHARE for kind in COMMANDS) + BY_CHANCE >= LEAST


def test_lies_that_chance_makes() -> None:
    assert block(1, BY_CHANCE).wrong == []


@pytest.mark.parametrize("seed", [900106, 900634, 905071])
def test_a_node_that_is_slow_now_and_then_is_told_of(seed: int) -> None:
    """Prompt answers between slow ones, which nobody sees, must not put off a word for ever."""
    assert block(seed, 1).wrong == []


# A node that is slow, and one that only wants to keep somebody waiting.
TRICKLES = {
    "a byte at a time": {"piece": 1, "piece_s": 0.5},
    "a piece a second": {"piece": 64, "piece_s": 1.0},
    "late": {"late_s": 2.6},
    "too late": {"late_s": 9.0},
}


@pytest.mark.parametrize("trickle", TRICKLES)
@pytest.mark.parametrize("command", ["status PORT", "pull PORT --archive DIR", "config get PORT"])
def test_a_slow_node_is_borne_and_a_trickle_ends(
    command: str, trickle: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = frame.HELLO, command, trickle, lambda _kind, replies: replies
    if trickle == "late":
        assert tell(case, tmp_path, TRICKLES[trickle]) == 0
    else:
        judged(case, tmp_path, capsys, **TRICKLES[trickle])


@pytest.mark.parametrize("taken", [True, False])
def test_pages_may_be_late_where_the_node_has_the_request(taken: bool, tmp_path: Path) -> None:
    """It loads what reads them from a slow flash; without its word nobody waits so long."""
    case = frame.HELLO, "pull PORT --archive DIR", "late pages", lambda _kind, replies: replies
    how = {"late_s": 20.0, "late_kind": frame.READ, "taken": taken}
    assert (tell(case, tmp_path, how) == 0) == taken


@pytest.mark.parametrize("command", ["status PORT", "pull PORT --archive DIR"])
def test_frames_of_another_type_extend_no_deadline(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One wrong frame every half second, with the right sequence, for ever."""

    def lie(kind: int, replies: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        return replies if kind == frame.HELLO else [(0xFE, b"x" * 40)] * 2000

    judged((frame.STATUS, command, "wrong", lie), tmp_path, capsys, piece=54, piece_s=0.5)


@pytest.mark.parametrize(("down_s", "boot_log"), [(80, b"rst:0x1 (POWERON_RESET)\r\n"), (20, b"")])
def test_a_start_is_waited_for_while_there_is_life(down_s: float, boot_log: bytes) -> None:
    node = honest()
    node.down_s, node.boot_log = down_s, boot_log
    with shared(node) as clock, Node("/dev/liar") as talk:
        began = clock.now
        talk.restart()
        assert down_s <= clock.now - began < down_s + 5


def test_a_node_that_says_nothing_at_a_start_is_given_up() -> None:
    node = honest()
    node.down_s = 80
    with shared(node) as clock, Node("/dev/liar") as talk:
        began = clock.now
        with pytest.raises(TirtaError, match="did not come back"):
            talk.restart()
        assert clock.now - began < 40
