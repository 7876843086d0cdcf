# SPDX-License-Identifier: MIT
"""Lies that chance makes, LIES of them from SEED on: `run_lies_campaign.py LIES SEED`.

Each is a command with a node that lies, or with an honest locked one and somebody on the line who
changes frames, late or in pieces. No traceback, no wait of more than ten seconds without a word, no
file outside the archive, nothing believed that the node did not say.
"""

import io
import json
import os
import random
import shutil
import sys
import tempfile
import traceback
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import lies
import lying_commands
import pytest
from liar import NODE, LiarNode, Reply, shared
from measured import keep, text_block
from peer import EPOCH, FakeLog
from watching import watched

from tirta import cli
from tirta.archive.evidence import Archive
from tirta.cli import build_parser
from tirta.cli.catalogue import Command
from tirta.cli.parser import Parser
from tirta.keys import memory
from tirta.virtual.demo_config import DEMO_CONFIG
from tirta_format import frame

BLOCK = 500
OPEN = sorted({c for kind, each in lying_commands.COMMANDS.items() for c in each
               if kind not in lying_commands.LOCKED})  # fmt: skip
LOCKED = (
    "status PORT --json", "pull PORT --archive DIR --json", "config get PORT", "doctor PORT",
    "lock PORT", "unlock PORT", "unlock PORT --for-good", "keys floor PORT", "update PORT",
)  # fmt: skip


@dataclass
class Tally:
    """What many lies came to."""

    lies: int = 0
    messages: int = 0  # one, and exit code 1
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.lies += other.lies
        self.messages += other.messages
        self.wrong += other.wrong


def changing(chance: random.Random, share: float) -> object:
    """Change this share of the answers in any way."""

    def lie(kind: int, replies: list[Reply]) -> list[Reply]:
        if kind == frame.HELLO and chance.random() < 0.7:
            return replies  # or most commands would end there
        out: list[Reply] = []
        for what, payload in replies:
            which = chance.random() / share
            if which < 0.7:
                out.append((what, lies.mutated(chance, payload)))
            elif which < 0.8:
                continue
            elif which < 0.85:
                out += [(what, payload)] * chance.choice((2, 2, 40))
            elif which < 0.9:
                out.append((chance.randrange(256), payload))
            elif which < 1:
                out.append((frame.REFUSAL, chance.randbytes(chance.choice((0, 1, 9, 200)))))
            else:
                out.append((what, payload))
        return out

    return lie


@cache
def log_of(records: int) -> FakeLog:
    """Nobody changes it, so one serves all."""
    log = FakeLog()
    log.add(records)
    return log


@cache
def parser_of(commands: tuple[Command, ...]) -> tuple[Parser, dict[str, Parser]]:
    """Most of a command's time is its help, which nobody reads here."""
    return build_parser(commands)


def one(seed: int, folder: Path) -> str:
    """Tell one lie; what is wrong with what it led to, or nothing. It may end with `message`."""
    chance = random.Random(seed)
    locked = chance.random() < 0.4
    node = LiarNode(locked=locked)
    node.log = log_of(chance.choice((0, 1, 30, 300)))
    share = chance.choice((0.02, 0.1, 0.5, 1.0))
    if locked:
        node.wire = changing(chance, share)  # type: ignore[assignment]
    else:
        node.lie = changing(chance, share)  # type: ignore[assignment]
    command = chance.choice(LOCKED if locked else OPEN)
    line = {}
    if chance.random() < 0.2:
        line = {"late_s": chance.choice((0.1, 1.0, 2.5)), "piece": chance.choice((0, 0, 7, 200))}
        line["piece_s"] = chance.choice((0.001, 0.1, 0.9))
    archive = folder / "archive"
    (folder / "port").touch()
    places = {"PORT": str(folder / "port"), "DIR": str(archive), "FILE": str(DEMO_CONFIG)}
    memory.remember(NODE, memory.LOCKED if locked else memory.OPEN, "test")
    words = [places.get(word, word) for word in command.split()]
    out, err = io.StringIO(), io.StringIO()
    known = Path(os.environ["TIRTA_KEYS"]).parent
    try:
        with (
            shared(node, **line) as clock, redirect_stdout(out), redirect_stderr(err),
            watched(archive, known, never=lies.PATHS),
        ):  # fmt: skip
            clock.endless = words[0] == "tail"
            code = lying_commands.run(words)
    except BaseException:  # noqa: BLE001  whatever it is
        return f"seed {seed}: {command}: {traceback.format_exc(limit=-4)}"
    said = out.getvalue() + err.getvalue()
    if lies.obeyed(said):
        return f"seed {seed}: {command}: said {said!r}"
    if code not in {0, 1}:
        return f"seed {seed}: {command}: exit code {code}"
    if locked and (wrong := believed(node, folder / "archive", command, code, out.getvalue())):
        return f"seed {seed}: {command}: {wrong}"
    return "message" if code else ""


def believed(node: LiarNode, archive: Path, command: str, code: int, out: str) -> str:
    """What of it was not said by the node, or nothing."""
    for sequence, page in Archive(archive).epoch(NODE, EPOCH).pages().items():
        if not bytes(node.log.pages.get(sequence, b"")).startswith(page.read()):
            return f"page {sequence} is not the node's"
    if code or "--json" not in command:
        return ""
    told = json.loads(out)
    if command.startswith("status") and told["node"] == NODE:
        true = json.loads(node.truth(frame.STATUS, b"")[0][1])
        if told.get("mode") == "open" or any(told[k] != true[k] for k in told if k != "timing"):
            return f"it says {told}"
    if command.startswith("pull") and told["node"] == NODE and not told["waiting"]:
        have = told["records"] + sum(b - a + 1 for a, b, _ in told["holes"])
        if have != node.log.number:
            return f"{have} of {node.log.number} records"
    return ""


def block(first: int, count: int) -> Tally:
    """So many seeds, in a folder of their own."""
    tally = Tally()
    memory_disk = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with (
        tempfile.TemporaryDirectory(dir=memory_disk) as name,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("TIRTA_KEYS", str(Path(name) / "computer" / "keys"))
        patch.setattr(cli, "build_parser", lambda commands: parser_of(tuple(commands)))
        for seed in range(first, first + count):
            folder = Path(name) / "one"
            folder.mkdir()
            wrong = one(seed, folder)
            shutil.rmtree(folder)
            tally.lies += 1
            tally.messages += wrong == "message"
            if wrong not in {"", "message"}:
                tally.wrong.append(wrong)
    return tally


def run(count: int, first: int) -> int:
    """All of them, on every core; 1 when anything is wrong."""
    total = Tally()
    begins = range(first, first + count, BLOCK)
    with ProcessPoolExecutor() as pool:
        for each in pool.map(block, begins, [min(BLOCK, first + count - b) for b in begins]):
            total.add(each)
            for wrong in each.wrong:
                print(wrong, flush=True)
            if sys.stderr.isatty() or total.lies % 10_000 < BLOCK:
                print(f"{total.lies:,} of {count:,} lies", file=sys.stderr, flush=True)
    summary = (
        f"{total.lies:,} lies from seed {first} on: {total.messages:,} ended in one message, the"
        f" others changed nothing that counts; {len(total.wrong)} wrong"
    )
    print(summary)
    keep("lies", text_block([summary]))
    return int(bool(total.wrong))


if __name__ == "__main__":
    sys.exit(run(int(sys.argv[1]), int(sys.argv[2])))
