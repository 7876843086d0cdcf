# SPDX-License-Identifier: MIT
"""Pages of a node onto the disk: which are wanted, where they go, and when they count.

Those of an open node become evidence as they come; those of a locked one wait until it has
confirmed them (`tirta.archive.quarantine`).
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from typing import Self

from tirta.archive.contents import Contents
from tirta.archive.evidence import Epoch, StoredPage
from tirta.archive.quarantine import Quarantine
from tirta.errors import TirtaError
from tirta.link.answers import Committed, IndexEntry
from tirta.link.page_reader import PageSpan, read_pages
from tirta.node import Node
from tirta.node.digest_check import attest
from tirta.progress import Progress
from tirta.pull.begin import Begun
from tirta.ranges import Range
from tirta_format import page as format_page

CONFIRM_S = 60  # of the line, until a locked node is asked to confirm what came


def fetch(node: Node, begun: Begun, progress: Progress) -> None:
    """Bring the pages that the archive lacks.

    Those of a locked node wait, and are confirmed in portions: one that the node overwrites before
    it could confirm it would wait for ever. Raises TirtaError; what came until then is kept.
    """
    epoch, waiting = begun.epoch, begun.waiting
    stored = _stored(begun)
    groups = plan(stored, begun.index, begun.committed, begun.since, begun.beyond)
    total = sum(end - start for group in groups for _, start, end in group)
    done = 0

    def came(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    starts = {page: start for group in groups for page, start, _ in group}
    with node.hurry(total):
        for portion in _portions(groups, node.line.byte_rate) if waiting else [groups]:
            with _Disk(epoch, waiting or epoch) as disk:
                for page, data in read_pages(node.link, portion, came, node.calm):
                    start = starts[page]
                    known = stored[page].read()[:start] if start else b""
                    disk.store(page, known + data)
            if waiting:
                attest(node, epoch, begun.index)


def plan(
    stored: dict[int, StoredPage],
    index: list[IndexEntry],
    end: Committed,
    since: int,
    beyond: int,
) -> list[list[PageSpan]]:
    """Plan the spans that the archive lacks, in groups that lie together on the node."""
    groups: list[list[PageSpan]] = [[]]
    for entry, following in zip_longest(index, index[1:]):
        if following and following.first_record <= since and following.page <= end.page:
            groups.append([])
            continue
        if entry.first_record >= beyond and beyond < end.next_record:
            break
        known, wanted = _known(stored.get(entry.page), entry), _durable(entry, end)
        if known < wanted:
            groups[-1].append((entry.page, known, wanted))
        else:
            groups.append([])
    return [group for group in groups if group]


def here_whole(contents: Contents, index: list[IndexEntry], end: Committed) -> list[Range]:
    """Return the numbers of those of the node's pages that are here as far as they are durable.

    Where the page behind one is not in the index, nobody knows how far its numbers go.
    """
    found = []
    for entry, behind in zip_longest(index, index[1:]):
        page = contents.pages.get(entry.page)
        if page is None or _known(page.stored, entry) < _durable(entry, end):
            continue
        if behind is None and entry.page == end.page:
            found.append((entry.first_record, end.next_record - 1))
        elif behind is not None and behind.page == entry.page + 1:
            found.append((entry.first_record, behind.first_record - 1))
    return found


def _stored(begun: Begun) -> dict[int, StoredPage]:
    """The most that is here of each page, whether it is evidence or waits."""
    found = {sequence: page.stored for sequence, page in begun.contents.pages.items()}
    if begun.waiting is None:
        return found
    for sequence, page in begun.waiting.pages().items():
        known = found.get(sequence)
        if known and known.size >= page.size and known.read().startswith(page.read()):
            begun.waiting.drop(sequence)  # a pull that was killed left it behind
        else:
            found[sequence] = page
    return dict(sorted(found.items()))


def _known(page: StoredPage | None, entry: IndexEntry) -> int:
    """How many bytes are here of a page that the node has."""
    return page.size if page and page.header_crc == entry.header_crc else 0


def _durable(entry: IndexEntry, end: Committed) -> int:
    """How many bytes of a page are durable on the node."""
    return format_page.SIZE if entry.page < end.page else end.end


def _portions(groups: list[list[PageSpan]], byte_rate: float) -> Iterator[list[list[PageSpan]]]:
    """Parts of the groups, in order, that take CONFIRM_S of the line; one at least."""
    portion: list[list[PageSpan]] = []
    left = CONFIRM_S * byte_rate
    for group in groups:
        portion.append([])
        for span in group:
            portion[-1].append(span)
            left -= span[2] - span[1]
            if left <= 0:
                yield portion
                portion, left = [[]], CONFIRM_S * byte_rate
    yield [group for group in portion if group]


class _Disk:
    """Stores pages in a thread of its own: while one is flushed, the line must be emptied.

    After one that could not be stored none is, and the error comes out at the next call or the end.
    """

    def __init__(self, epoch: Epoch, target: Epoch | Quarantine) -> None:
        self._epoch = epoch
        self._target = target
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._error: TirtaError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._pool.shutdown()
        if kind is None:
            self._raise()

    def store(self, page: int, data: bytes) -> None:
        self._raise()
        self._pool.submit(self._store, page, data)

    def _store(self, page: int, data: bytes) -> None:
        if self._error:
            return
        try:
            _must_be(page, self._epoch.number, data)
            self._target.store(page, data)
        except TirtaError as error:
            self._error = error

    def _raise(self) -> None:
        if self._error:
            raise self._error


def _must_be(page: int, epoch: int, data: bytes) -> None:
    head = format_page.header(data.ljust(format_page.HEADER_SIZE, b"\xff"))
    if head is None or head.seq != page or head.epoch != epoch:
        raise TirtaError(
            "The node's log changed while it was read.",
            "Run the pull again: it goes on where it stopped.",
        )
