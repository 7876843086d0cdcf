# SPDX-License-Identifier: MIT
"""Put the application on a board that runs MicroPython and has our partitions.

The new application goes into the slot that is not in force; once all its files read back right, one
write of the state partition makes it the one that starts. So whatever interrupts a deploy, the node
has the old application or the new, and running it again finishes it.
"""

import struct
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from tirta.boards.model import Board
from tirta.errors import TirtaError
from tirta.image import regions
from tirta.image.build import MANIFEST, build
from tirta.install.board_check import MOUNT, NUMBER, mount, mounted, must_fit
from tirta.install.raw_repl import BoardRepl
from tirta.install.state_partition import BoardState
from tirta.keys import memory
from tirta.keys.office import KeyOf
from tirta.link.answers import Hello
from tirta.link.conversation import Start
from tirta.link.failures import NoAnswerError
from tirta.link.serial_line import DEFAULT_BAUD
from tirta.node import Node, config_trial
from tirta.progress import Progress
from tirta_format import staging, state, updates

BACK_S = 30
_OTHER = {b"a": b"b", b"b": b"a"}


@dataclass(frozen=True)
class Deployed:
    """What was done."""

    hello: Hello
    written_bytes: int
    readings: list[config_trial.SelfTestReading] = field(
        default_factory=list
    )  # of a new config's self-test


def deploy(  # noqa: PLR0913 - the options of one command
    port: str,
    board: Board,
    config: bytes | None = None,
    *,
    baud: int = DEFAULT_BAUD,
    source: Path | None = None,
    key_of: KeyOf | None = None,
    was_locked: Collection[str] = (),
    secrets: bytes = b"",
    progress: Progress = lambda _done, _all: None,
) -> Deployed:
    """Bring application and config onto a board, start it, and wait for its hello.

    Without `config` the one that the node has stays in force; of a new one every sensor is read
    once. `secrets` are the passwords of its uplink. `source` is a firmware folder other than ours.
    With `key_of` the node is locked under the key that this makes of its id; without it the mode
    stays, open on a new node. A prompt that names a node known as locked gets no key and no other
    mode unless it is among `was_locked`.
    """
    built = build(board, source)
    with BoardRepl(port, baud) as repl:
        must_fit(repl, board, built.app)
        count = _Count(progress)
        fields = BoardState(repl, board)
        slot = fields.values.get(state.SLOT, b"")
        vfs = {f"/{path}": content for path, content in built.vfs.items()}
        app = {f"{MOUNT}/{path}": content for path, content in built.app.items()}
        stale = _stale(repl, vfs)
        if not (slot in _OTHER and mounted(repl, slot) and not _stale(repl, app)):
            slot = _OTHER.get(slot, b"a")
            mount(repl, slot)
            if _is_anothers(repl, app):
                mount(repl, slot, anew=True)
            stale |= _stale(repl, app)
        count.total = sum(map(len, stale.values()))
        _write(repl, stale, count)
        wanted = {state.MODE: b"open", **fields.values, state.SLOT: slot}
        for tag in (state.TRIAL, state.PREVIOUS, state.OUTCOME, updates.BEGUN):
            wanted.pop(tag, None)  # they speak of what was in the slots before
        tried = config is not None and config != fields.values.get(state.CONFIG)
        if config is not None and tried:
            wanted |= regions.config_fields(config, config_trial.TRIAL_S)
        if secrets:
            wanted[staging.SECRETS] = secrets
        node_id = repl.value("_id()", NUMBER)
        if node_id not in was_locked and (key_of or wanted[state.MODE] != b"locked"):
            memory.must_not_be_open(node_id)  # a prompt may be anybody's, and keys travel plainly
        if key_of:
            wanted |= {state.MODE: b"locked", state.KEY: key_of(node_id)}
            wanted[state.FLOOR] = max(
                wanted.get(state.FLOOR, b""), struct.pack("<I", int(time.time())), key=_seconds
            )
        count.done += fields.write(wanted)
        repl.reset()
    hello = wait(port, baud)
    if key_of:
        memory.remember(node_id, memory.LOCKED, "deploy")
    if not tried:
        return Deployed(hello, count.done)
    with Node(port, baud) as node:
        return Deployed(hello, count.done, config_trial.finish(node))


def _seconds(floor: bytes) -> int:
    return int.from_bytes(floor, "little")


class _Count:
    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.done = 0
        self.total = 0

    def came(self, count: int) -> None:
        self.done += count
        self.progress(self.done, self.total)


def _stale(repl: BoardRepl, files: dict[str, bytes]) -> dict[str, bytes]:
    """The files that the board lacks or has otherwise."""
    on_board = repl.hashes(list(files))
    return {p: c for p, c in files.items() if on_board[p] != sha256(c).digest()}


def _is_anothers(repl: BoardRepl, app: dict[str, bytes]) -> bool:
    """Whether a slot holds another application: of ours, interrupted, one file differs at most, and
    the manifest is not there yet. What another has would stand in the way.
    """
    on_board = repl.hashes(list(app))
    differ = [p for p, c in app.items() if on_board[p] not in (None, sha256(c).digest())]
    return len(differ) > 1 or f"{MOUNT}/{MANIFEST}" in differ


def _write(repl: BoardRepl, files: dict[str, bytes], count: _Count) -> None:
    # A slot counts only with its manifest: it goes first when files change, and comes last.
    manifest = f"{MOUNT}/{MANIFEST}"
    if any(path.startswith(MOUNT) for path in files):
        repl.run(f"try: os.remove({manifest!r})\nexcept OSError: pass")
    for path in sorted(files, key=lambda p: (p == manifest, p)):
        repl.upload(path, files[path], count.came)
    if wrong := _stale(repl, files):
        raise TirtaError(
            f"{len(wrong)} files do not read back as written, {min(wrong)} first.",
            "Run the command again; if it stays, the board's flash is worn out.",
        )


def wait(port: str, baud: int) -> Hello:
    """Wait for the first hello of a node that was just started. Raises TirtaError when none
    comes.
    """
    start = Start(port, BACK_S)
    while True:
        try:
            with Node(port, baud) as node:
                return node.hello
        except memory.DowngradeError:
            raise
        except TirtaError as error:  # no answer yet, or no port: native USB comes and goes
            start.heard(error.heard if isinstance(error, NoAnswerError) else 0)
            start.patience.turn_s(0)
            time.sleep(0.2)
            if start.over:
                raise TirtaError(
                    f"The application is on the board, but it does not answer: {error.what}",
                    f"Look what it says at start: `mpremote connect {port}`, then Ctrl-D.",
                ) from error
