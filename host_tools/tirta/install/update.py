# SPDX-License-Identifier: MIT
"""Another application onto a running node, over the link, while it samples (FORMAT.md section 10).

The laptop makes the LittleFS image of the slot; only *blocks* that differ from what already lies
there travel, so an update that was cut off goes on where it stopped. The node hashes the whole slot
before it puts it on trial (`app_trial`): it restarts into it, and the new application has to prove
itself within minutes, or the one before starts again.
"""

import hashlib
import struct
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from typing import Any
from zlib import crc32

from tirta.boards import board_file
from tirta.errors import TirtaError
from tirta.image.bundle import Bundle
from tirta.image.littlefs import BLOCK, OLD_SLOT_BLOCK, SLOT_BLOCK, lfs_image
from tirta.link import answers
from tirta.link.failures import NoAnswerError, NotNowError, RefusedError
from tirta.link.protocol import MAX_PAYLOAD
from tirta.node import Node
from tirta.patience import Patience
from tirta.progress import Progress
from tirta_format import updates

CONFIRMED, ON_TRIAL, WENT_BACK = "confirmed", "trial", "went back"
# A minute of proof, three boots of four minutes each that hang, and the start of the one before.
DECIDED_S = 900
BACK_S = 90
_PIECE = MAX_PAYLOAD - 4
_HASHES = 16
_NO_REVISION = b"\xff" * 4
_ERASED = b"\xff" * BLOCK
_ERASE_TRIES = 60
_ROUNDS = 3
_SEALED = 0xFFFFFFFF  # the CRC-32 of what ends in its own, as LittleFS writes it: no last inversion
_CHECK_S = 180.0  # a node that has the request reads all that was sent, from a slow flash maybe
_EVERY_S = 0.5  # between two questions whether a trial is decided


@dataclass(frozen=True)
class Updated:
    """What was done; `state` is one of the four above."""

    node: str
    before: str
    after: str
    state: str
    written_bytes: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return what `tirta update --json` prints."""
        return asdict(self)


def slots(node: Node) -> dict[str, Any]:
    """Ask what runs, what is on trial, and what `rollback` would start."""
    return node.ask(updates.SLOTS)


def send(
    node: Node,
    bundle: Bundle,
    *,
    allow_downgrade: bool = False,
    progress: Progress = lambda _done, _all: None,
    trying: Callable[[], object] = lambda: None,
) -> Updated:
    """Bring the bundle's application into the node's other slot and start its trial; `trying` hears
    of it just before, and may raise to leave the node as it is.
    """
    began = time.monotonic()
    found = slots(node)
    bundle.must_suit(found, allow_downgrade=allow_downgrade)
    size = board_file.load(bundle.board).partition("app_a").size
    block = int(found.get("block", OLD_SLOT_BLOCK))
    try:
        image = lfs_image(bundle.app, size, block)
    except TirtaError as error:
        if block == SLOT_BLOCK:
            raise
        raise TirtaError(
            "This firmware does not fit into the node's slot as version 0.1.0 laid it out.",
            "Pull its log, then flash the board anew with this version of tirta.",
        ) from error
    if len(image) != int(found["blocks"]) * BLOCK:
        raise TirtaError(
            f"The node's slot has {found['blocks']} blocks, the board file says"
            f" {len(image) // BLOCK}.",
            "Flash the board anew with this version of tirta.",
        )
    node.link.request(updates.BEGIN)
    digest = hashlib.sha256(image).digest()
    blocks = _blocks(image)
    written, unsure = 0, frozenset[int]()
    for again in range(_ROUNDS):
        written += _fill(node, blocks, unsure, progress)
        trying()
        try:
            said = node.link.request(
                updates.TRY,
                bytes((updates.DOWNGRADE * allow_downgrade,)) + digest,
                think_s=15,
                tries=1,
                late_s=_CHECK_S,
            )
            answer = node.checked(answers.read, updates.TRY, said)
            break
        except RefusedError:
            if again == _ROUNDS - 1:
                raise
            node.link.request(updates.BEGIN)  # which a trial ends, one that is refused, too
            if not _stale(node, blocks):
                if unsure:
                    raise  # it has all that was sent, and says no for another reason
                unsure = frozenset(i for i, content in enumerate(blocks) if sealed(content, block))
    _await(node, time.monotonic() + BACK_S)
    seconds = time.monotonic() - began
    before, after = str(answer["from"]), str(answer["to"])
    return Updated(node.hello.node, before, after, ON_TRIAL, written, seconds)


def back(node: Node) -> Updated:
    """Start the trial of the application before."""
    began = time.monotonic()
    try:
        answer = node.ask(updates.BACK, bytes((updates.DOWNGRADE,)), think_s=6)
    except RefusedError as error:
        if error.hint:
            raise
        raise TirtaError(
            error.what,
            "`tirta status PORT` tells what runs; a version of your choice comes with `tirta update"
            " PORT BUNDLE --allow-downgrade`.",
        ) from error
    _await(node, time.monotonic() + BACK_S)
    seconds = time.monotonic() - began
    return Updated(node.hello.node, str(answer["from"]), str(answer["to"]), ON_TRIAL, 0, seconds)


def wait(node: Node, started: Updated, *, timeout_s: float = DECIDED_S) -> Updated:
    """Wait until the node has decided about the trial; it may restart meanwhile."""
    whole = Patience(timeout_s, f"for the node on {node.line.port} to decide about its trial")
    while not whole.over:
        try:
            found = slots(node)
        except NoAnswerError:
            _await(node, whole.until)
            continue
        if not found["trial"]:
            decided = CONFIRMED if found["version"] == started.after else WENT_BACK
            return replace(started, state=decided)
        time.sleep(whole.turn_s(_EVERY_S))
    return started


def _await(node: Node, until: float) -> None:
    """Until the node answers. That an application failed is no end: the one before comes next."""
    while True:
        try:
            node.wait_until_back(5)
        except TirtaError:
            if time.monotonic() > until:
                raise
        else:
            return


def sealed(content: bytes, block: int) -> bool:
    """Return whether one of these blocks, of `block` bytes each, begins with a commit of LittleFS.

    That ends in its own CRC-32, of the same polynomial: bytes with another commit of that length in
    its place have the same CRC-32.
    """
    for start in range(0, len(content), block):
        crc = 0
        if content.startswith(_NO_REVISION, start):
            continue
        for at in range(start, min(start + block, len(content))):
            crc = crc32(content[at : at + 1], crc)
            if crc == _SEALED:
                return True
    return False


def _fill(node: Node, blocks: list[bytes], unsure: Collection[int], progress: Progress) -> int:
    """Send every block that differs, or may; return the bytes that were programmed."""
    stale = sorted({*_stale(node, blocks), *unsure})
    total = sum(len(blocks[i].rstrip(b"\xff")) for i in stale)
    done = 0
    progress(0, total)
    for i in stale:
        _erase(node, i)
        content = blocks[i].rstrip(b"\xff")
        for at in range(0, len(content), _PIECE):
            piece = content[at : at + _PIECE]
            node.link.request(updates.WRITE, struct.pack("<HH", i, at) + piece)
            done += len(piece)
            progress(done, total)
    return done


def _blocks(image: bytes) -> list[bytes]:
    return [image[at : at + BLOCK] for at in range(0, len(image), BLOCK)]


def _stale(node: Node, blocks: list[bytes]) -> list[int]:
    """Which blocks the node's slot does not hold."""
    return [i for i, have in enumerate(_hashes(node, len(blocks))) if have != crc32(blocks[i])]


def _hashes(node: Node, count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        asked = struct.pack("<HB", len(found), _HASHES)
        answer = node.link.request(updates.HASHES, asked)
        if not answer or len(answer) % 4:
            raise TirtaError("The node does not tell what its slot holds.", "Try again.")
        found += [value for (value,) in struct.iter_unpack("<I", answer)]
    return found[:count]


def _erase(node: Node, block: int) -> None:
    """Ask until the node has time for it, between two samples."""
    for _ in range(_ERASE_TRIES):
        try:
            node.link.request(updates.ERASE, struct.pack("<H", block), think_s=1.5)
        except NotNowError:
            time.sleep(0.1)
        else:
            return
    raise TirtaError("The node never has time to erase.", "Its interval may be too short for it.")
