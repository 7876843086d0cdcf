# SPDX-License-Identifier: MIT
"""Pieces of pages become evidence: put together in memory, checked, stored, and only then named in
a ledger (FORMAT.md section 14.3).

What a node sealed is confirmed by it, so nothing waits in pending/. A piece that does not go on
where the archive's page ends is dropped: the ledger says so, and the node sends what lacks.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice

from tirta.archive.epoch import header_of
from tirta.archive.evidence import Archive, Epoch
from tirta.archive.quarantine import Attested, Confirmed
from tirta.receive.account import Inventory
from tirta.receive.runs import FILE, MOST, Piece, Runs
from tirta_format import page as format_page
from tirta_format import uplink_hello, uplink_notes

_NODE = re.compile(r"[0-9a-f]{12}")
_MOST_UNKNOWN = 64
_MOST_NODES = 20_000  # in memory, in an archive that remembers the others: some 100 MB
LEDGER_S = 24 * 3600.0  # between two ledgers to a node of which nothing lacks
CLOCK_UNCERTAINTY_MS = 50  # of this computer: what NTP keeps
KeysOf = Callable[[str], dict[bytes, bytes]]  # uplink keys of a node, by the name of its key


@dataclass(frozen=True)
class Stored:
    """A page on the disk, or more of one."""

    node: str
    epoch: int
    page: int
    size: int


@dataclass
class Counts:
    """What came and was of no use: messages that nobody here can open, pieces without a place."""

    strange: int = 0
    misplaced: int = 0
    without_key: set[str] = field(default_factory=set)  # ids that say hello with a key not here


class _Pages:
    """What the archive has of one node's epoch that the node itself has confirmed."""

    def __init__(self, epoch: Epoch) -> None:
        self.epoch = epoch
        self.sizes = Attested.sizes(epoch)
        self._open: dict[int, bytes] = {}  # pages that came, and are not on the disk yet

    def take(self, piece: Piece) -> bool:
        """Put a piece where it belongs; False when it has no place."""
        known = self._known(piece.page)
        end = piece.offset + len(piece.data)
        if piece.offset > len(known) or end > format_page.SIZE:
            return False
        if end <= len(known) and known[piece.offset : end] == piece.data:
            return True
        made = known[: piece.offset] + piece.data
        head = format_page.header(made.ljust(format_page.HEADER_SIZE, b"\xff"))
        if head is None or head.seq != piece.page or head.epoch != self.epoch.number:
            return False
        self._open[piece.page] = made
        return True

    def _known(self, page: int) -> bytes:
        if page in self._open:
            return self._open[page]
        size = self.sizes.get(page, 0)
        return (self.epoch.read(page) or b"")[:size] if size else b""

    @property
    def waits(self) -> bool:
        """Whether something came that is not on the disk yet."""
        return bool(self._open)

    def store(self) -> list[Stored]:
        """Put on the disk what came; when this returns it is there."""
        sure = {}
        for page, data in self._open.items():
            self.epoch.store(page, data)
            sure[page] = Confirmed(len(data), sha256(data).hexdigest())
        if sure:
            known = Attested.enter(self.epoch, sure).pages
            self.sizes |= {page: known[page].size for page in sure}
            self._open = {}
        node, number = self.epoch.node, self.epoch.number
        return [Stored(node, number, page, one.size) for page, one in sure.items()]


@dataclass
class _Node:
    runs: Runs
    pages: dict[int, _Pages] = field(default_factory=dict)  # by epoch
    is_heard: bool = False  # since the last ledgers were made
    is_due: bool = False  # for a ledger
    is_even: bool = False  # at its last ledger nothing lacked
    is_torn: bool = False  # since then a piece had no place: what is before it will come again
    told_s: float = 0.0  # when that was


class Inbox:
    """Takes messages, and makes ledgers of what is safe. `keys_of` finds a node's uplink keys;
    `name` are the 16 bytes of this start.
    """

    def __init__(self, archive: Archive, keys_of: KeysOf, name: bytes) -> None:
        self._archive = archive
        self._keys_of = keys_of
        self._name = name
        self._nodes: dict[str, _Node] = {}  # who was heard last is last
        self._touched: dict[str, _Node] = {}  # since the last ledgers
        self._counter = 0
        self.counts = Counts()

    def take(self, topic: str, payload: bytes) -> None:
        """Take one message of a node, whatever it is."""
        _, _, rest = topic.partition("/")
        name, _, letter = rest.partition("/")
        node = self._known(name) if letter == "p" else None
        piece = node.runs.piece(payload) if node else None
        if node is not None and piece is not None:
            node.is_heard = True
            self._touch(name, node)
            if not self._pages(node, name, piece.epoch).take(piece):
                self.counts.misplaced += 1
                node.is_even, node.is_torn = False, True
            if not node.is_even or time.monotonic() - node.told_s > LEDGER_S:
                node.is_due = True
        elif letter != "h" or not self._hello(name, payload):
            self.counts.strange += 1

    def store(self) -> list[Stored]:
        """Put everything that came on the disk. Raises TirtaError when that cannot be."""
        return [one for n in self._touched.values() for p in n.pages.values() for one in p.store()]

    def ledgers(self) -> list[tuple[str, bytes]]:
        """Make (topic, message) for each node that lacks one: it said hello, something of it lacks,
        or the last one is long ago. Only what is on the disk is in them, so call it behind `store`.
        """
        made = []
        for name, node in self._touched.items():
            node.is_heard = False
            now = node.runs.now
            if not node.is_due or now is None:
                continue
            node.is_due = False
            node.is_even = not self.missing(name) and not node.is_torn
            node.is_torn = False
            node.told_s = time.monotonic()
            sizes = self._pages(node, name, now.hello["epoch"]).sizes
            whole = [page for page, size in sizes.items() if size == format_page.SIZE]
            parts = sorted(((p, s) for p, s in sizes.items() if s < format_page.SIZE), reverse=True)
            body = uplink_notes.ledger(
                now.hello["epoch"], now.heard, self._safe(node, name), time.time_ns() // 1_000_000,
                CLOCK_UNCERTAINTY_MS, uplink_hello.spans_of(whole), parts,
            )  # fmt: skip
            self._counter += 1
            message = node.runs.ledger(self._name, self._counter, bytes(body))
            made.append((f"tirta/{name}/l", message))
        self._touched.clear()
        if self._archive.pack:
            for name in [*islice(self._nodes, max(0, len(self._nodes) - _MOST_NODES))]:
                del self._nodes[name]
        return made

    def _safe(self, node: _Node, name: str) -> int:
        """Every record below this is on the disk, of those that the node had: it is the first
        number of the newest page when all pages before it are here; else 0, which says nothing.
        """
        now = node.runs.now
        if now is None or not now.spans:
            return 0
        pages = self._pages(node, name, now.hello["epoch"])
        newest = now.spans[0][1]
        there = (page for first, last in now.spans for page in range(first, last + 1))
        if any(pages.sizes.get(page, 0) < format_page.SIZE for page in there if page != newest):
            return 0
        if pages.sizes.get(newest, 0) < format_page.HEADER_SIZE:
            return 0
        head = header_of(pages.epoch.read(newest) or b"")
        return 0 if head is None else int(head.number)

    def missing(self, name: str) -> int:
        """Count the pages that a node has told of and that are not wholly here, the newest one up
        to where the node's hello said that it ends.
        """
        told, node = self.told(name), self._known(name)
        if told is None or node is None:
            return 0
        pages = self._pages(node, name, told.epoch)
        return sum(pages.sizes.get(page, 0) < told.wanted(page) for page in told.pages())

    def told(self, name: str) -> Inventory | None:
        """Return what a node's last hello said, if one came."""
        node = self._known(name)
        now = node.runs.now if node else None
        return None if now is None else Inventory.of(now.hello, now.spans)

    def due(self) -> list[str]:
        """Return the nodes that told something since the last ledgers."""
        return [name for name, node in self._touched.items() if node.is_heard and node.runs.now]

    def names(self) -> list[str]:
        """Return the nodes that a hello came from, and that are in memory."""
        return [name for name, node in self._nodes.items() if node.runs.now is not None]

    def epoch(self, node: str, number: int) -> Epoch:
        """Return where pages of a node's epoch are stored."""
        return self._archive.epoch(node, number)

    def _hello(self, name: str, payload: bytes) -> bool:
        """Take a hello. Only who proves its key is remembered: a stranger may invent names."""
        node = self._nodes.get(name)
        if node is None:
            if not _NODE.fullmatch(name):
                return False
            node = _Node(Runs(name, self._keys_of(name), self._archive))
        if not node.runs.hello(payload):
            unknown = self.counts.without_key
            if len(unknown) < _MOST_UNKNOWN and node.runs.lacks_key(payload):
                unknown.add(name)  # a stranger may invent them: these are bounded, too
            return False
        node.is_heard = node.is_due = True
        self._touch(name, node)
        return True

    def _known(self, name: str) -> _Node | None:
        """A node that a hello came from; of an archive that remembers it, as it was."""
        node = self._nodes.get(name)
        is_kept = node is None and self._archive.pack and _NODE.fullmatch(name)
        if is_kept and self._archive.note(name, FILE):
            runs = Runs(name, self._keys_of(name), self._archive)
            if runs.now is not None:
                node = self._nodes[name] = _Node(runs)
        return node

    def _touch(self, name: str, node: _Node) -> None:
        self._nodes.pop(name, None)
        self._nodes[name] = self._touched[name] = node

    def _pages(self, node: _Node, name: str, epoch: int) -> _Pages:
        if epoch not in node.pages:
            while len(node.pages) >= MOST and not (oldest := next(iter(node.pages.values()))).waits:
                del node.pages[oldest.epoch.number]  # of a run that does not count any more
            found = self._archive.epoch(name, epoch)
            found.tidy()
            node.pages[epoch] = _Pages(found)
        return node.pages[epoch]
