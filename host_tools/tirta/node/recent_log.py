# SPDX-License-Identifier: MIT
"""The newest pages of an open node's log: what its sensors said lately, and its boots."""

from tirta.link.answers import IndexEntry
from tirta.link.page_reader import PageSpan, read_pages
from tirta.log.decode import Log, decode
from tirta.node import Node
from tirta.node.digest_check import must_match
from tirta_format.page import SIZE


def newest(node: Node, index: list[IndexEntry], pages: int, config: bytes | None) -> Log | None:
    """Read the page that is being written, up to now, and the last `pages` pages before it.

    `config` is the text in force, for a log that begins before these pages. None: an empty log.
    """
    if not index:
        return None
    end = node.commit()
    before = [entry.page for entry in index if entry.page < end.page]
    spans: list[PageSpan] = [(page, 0, SIZE) for page in before[-pages:]]
    spans.append((end.page, 0, end.end))
    found = sorted(read_pages(node.link, [spans]))
    if not found:
        return None
    (first, _), (last, tail) = found[0], found[-1]
    whole = b"".join(data for _, data in found)
    must_match(node, first, last, len(tail), whole)
    return decode(found, Log(node.hello.node), [config] if config else [])
