# SPDX-License-Identifier: MIT
"""Which nodes a roll-out is for: links, files with one on each line, and archives of a centre."""

import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from tirta.archive import standings
from tirta.errors import TirtaError
from tirta.text import numbers

_ID = re.compile(r"[0-9a-f]{12}")


def links_of(words: Iterable[str], broker: str = "") -> list[str]:
    """Return the link of each node that is named. With a `broker` (mqtt://HOST), a node's id means
    the node behind it. Raises TirtaError.
    """
    found: list[str] = []
    for word in words:
        path = Path(word)
        if path.is_dir():
            found += _of_archives(path, broker)
        elif path.is_file():
            found += _of_list(path)
        else:
            found.append(word)
    if not found:
        raise TirtaError("No node is named.", "Name ports, links, or a file with one on each line.")
    whole = broker.rstrip("/")
    return [f"{whole}/{link}" if whole and _ID.fullmatch(link) else link for link in found]


def percents_of(text: str) -> list[float]:
    """Read waves, as `1%,10%,100%`. Raises ValueError that says what is wrong."""
    found = [numbers.number(part.strip().removesuffix("%")) for part in text.split(",")]
    if not all(a < b <= 100 for a, b in pairwise([0.0, *found])):
        raise ValueError(f"{text!r} are no waves: percents that grow, as 1%,10%,100%")
    return found


def _of_list(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise TirtaError(
            f"{path} is no list of nodes.", "A list has a port, a name or a link on each line."
        ) from error
    return [link for line in lines if (link := line.partition("#")[0].strip())]


def _of_archives(source: Path, broker: str) -> list[str]:
    roots = [source, *sorted(source.glob("*/"))]
    found = [one.node for root in roots if (root / standings.FILE).is_file()
             for one in standings.all_of(root)]  # fmt: skip
    if not found:
        raise TirtaError(
            f"No centre keeps an archive in {source}.",
            "Name a folder that `tirta receive --archive DIR` writes to, or a list of nodes.",
        )
    if not broker:
        raise TirtaError(
            f"{source} names {len(found)} nodes, and not how they are reached.",
            "Name their broker: --broker mqtt://HOST; or give a list of ports.",
        )
    return found
