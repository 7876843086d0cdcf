# SPDX-License-Identifier: MIT
"""Pulled pages of a locked node against what the node itself says of them (FORMAT.md section 13).

Pages travel without tags; afterwards the node's digest of them comes sealed. What differs was
changed on the line and leaves the archive. Which pages have been attested, and how far, lies beside
them, so that a pull that was cut off goes on with it.
"""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from tirta import atomic
from tirta.answers import IndexEntry
from tirta.archive import Run, StoredPage
from tirta.errors import TirtaError
from tirta.link import RefusedError
from tirta.node import Node
from tirta_format import access, frame
from tirta_format import page as format_page

Group = list[StoredPage]


def attest(node: Node, run: Run, index: list[IndexEntry]) -> int:
    """Compare every stored page that the node still has; return how many were compared now.

    Raises TirtaError when one differs; it is no longer in the archive then.
    """
    known = _load(run)
    compared = 0
    for group in _groups(run, index, known):
        wrong = list(_differing(node, group))
        for page in wrong:
            page.path.unlink(missing_ok=True)
        known |= {page.sequence: page.size for page in group if page not in wrong}
        _save(run, known)
        if wrong:
            raise TirtaError(
                f"Page {wrong[0].sequence} of node {run.node} was changed on its way here.",
                "It was not kept. Look what sits between the node and this computer, then pull"
                " again.",
            )
        compared += len(group)
    return compared


def _groups(run: Run, index: list[IndexEntry], known: dict[int, int]) -> Iterator[Group]:
    """Stored pages that follow each other on the node; only the last of a group may be short."""
    stored = run.pages()
    group: Group = []
    for entry in index:
        page = stored.get(entry.page)
        if page is None or known.get(entry.page) == page.size:
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


def _differing(node: Node, group: Group) -> Iterator[StoredPage]:
    """The pages of a group whose digest is another one on the node: half by half."""
    first, last = group[0], group[-1]
    hashed = sha256()
    for page in group:
        hashed.update(page.read()[: format_page.SIZE])
    try:
        told = node.digest(first.sequence, 0, last.sequence, last.size)
    except RefusedError as error:
        if error.code != frame.BAD_PAYLOAD:
            raise
        return  # overwritten meanwhile: the node cannot say any more
    if told == hashed.digest():
        return
    if len(group) == 1:
        yield group[0]
        return
    half = len(group) // 2
    yield from _differing(node, group[:half])
    yield from _differing(node, group[half:])


def _path(run: Run) -> Path:
    return run.folder / "attested.json"


def _load(run: Run) -> dict[int, int]:
    """Sequence: bytes that were attested."""
    try:
        found = json.loads(_path(run).read_text(encoding="utf-8"))
        return {int(sequence): int(size) for sequence, size in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}  # they are compared again


def _save(run: Run, known: dict[int, int]) -> None:
    atomic.write(_path(run), json.dumps(known, sort_keys=True).encode())
