# SPDX-License-Identifier: MIT
"""Pulled pages of a locked node against what the node itself says of them (FORMAT.md section 13).

The digest of some pages comes sealed. Where it is another one, halves of them are asked for, until
it is known which page was changed on the line. A digest that the node refuses says nothing: such a
page waits on, for the node has overwritten it meanwhile, or somebody cut the answer out.
"""

from collections.abc import Iterator
from hashlib import sha256

from tirta.archive.contents import Contents
from tirta.archive.evidence import Epoch, StoredPage
from tirta.archive.quarantine import Attested, Confirmed, Quarantine
from tirta.errors import TirtaError
from tirta.link.answers import IndexEntry
from tirta.link.failures import BadPayloadError
from tirta.node import Node
from tirta_format import access
from tirta_format import page as format_page

Group = list[StoredPage]


def attest(node: Node, epoch: Epoch, index: list[IndexEntry]) -> int:
    """Let the node confirm every page here that it still has; return how many it confirmed now.

    Those that waited become evidence. Raises TirtaError when one differs: it waits no longer, or is
    evidence no longer.
    """
    waiting = Quarantine(epoch)
    known = Attested.of(epoch)
    confirmed = 0
    for group in _groups(_to_compare(epoch, waiting, known), index):
        right, wrong = _judge(node, group)
        sure: dict[int, Confirmed] = {}
        for page in right:
            sure[page.sequence] = Confirmed(page.size, sha256(page.read()).hexdigest())
            if page.path.parent == waiting.folder:
                waiting.release(page.sequence)
        refused: list[int] = []
        for page in wrong:
            if page.path.parent == waiting.folder:
                waiting.drop(page.sequence)
            else:
                epoch.set_aside(page.sequence)
                refused.append(page.sequence)
        if right or wrong:
            Attested.enter(epoch, sure, refused)
        confirmed += len(right)
        if wrong:
            raise TirtaError(
                f"Page {wrong[0].sequence} of node {epoch.node} was changed on its way here.",
                "It was not kept. Look what sits between the node and this computer, then pull"
                " again.",
            )
    return confirmed


def must_match(node: Node, first: int, last: int, end: int, data: bytes) -> None:
    """Let a locked node confirm `data`: its pages from `first` to `end` of `last`, which are not
    kept. Raises TirtaError where it does not. An open node has nothing to confirm it with.
    """
    if node.link.guard and node.digest(first, 0, last, end) != sha256(data).digest():
        raise TirtaError(
            f"What node {node.hello.node} sent was changed on its way here, or has just changed.",
            "Run the command again; if it stays so, look what sits between the node and this"
            " computer.",
        )


def _to_compare(epoch: Epoch, waiting: Quarantine, known: Attested) -> dict[int, StoredPage]:
    """Pages that wait, and evidence that the node has not confirmed as it is."""
    found = {}
    for sequence, page in Contents.of(epoch).stored().items():
        sure = known.pages.get(sequence)
        if sure is None or sure.size < page.size:
            found[sequence] = page
    return found | waiting.pages()


def _groups(pages: dict[int, StoredPage], index: list[IndexEntry]) -> Iterator[Group]:
    """Pages that follow each other on the node; only the last of a group may be short."""
    group: Group = []
    for entry in index:
        page = pages.get(entry.page)
        if page is None:
            if group:
                yield group
            group = []
            continue
        group.append(page)
        if not page.complete or len(group) == access.PAGES_PER_DIGEST:
            yield group
            group = []
    if group:
        yield group


def _judge(node: Node, group: Group) -> tuple[Group, Group]:
    """(pages that the node confirms, pages that are others there); it says nothing of the rest."""
    first, last = group[0], group[-1]
    hashed = sha256()
    for page in group:
        hashed.update(page.read()[: format_page.SIZE])
    try:
        told = node.digest(first.sequence, 0, last.sequence, last.size)
    except BadPayloadError:
        told = None
    if told == hashed.digest():
        return group, []
    if len(group) == 1:
        return [], group if told is not None else []
    half = len(group) // 2
    (right, wrong), (more_right, more_wrong) = (
        _judge(node, group[:half]),
        _judge(node, group[half:]),
    )
    return right + more_right, wrong + more_wrong
