# SPDX-License-Identifier: MIT
"""Ranges of record numbers, (first, last), both inside: sorted, apart from each other."""

from collections.abc import Iterable

Range = tuple[int, int]


def merged(some: Iterable[Range]) -> list[Range]:
    """Return the same numbers, whatever the order and overlap of the ranges."""
    found: list[Range] = []
    for first, last in sorted(some):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    return found


def count(some: Iterable[Range]) -> int:
    """Count how many numbers lie in them."""
    return sum(last - first + 1 for first, last in some)


def in_both(some: list[Range], others: list[Range]) -> list[Range]:
    """Return what lies in a range of each."""
    return sorted(
        (max(a, c), min(b, d)) for a, b in some for c, d in others if max(a, c) <= min(b, d)
    )


def without(some: list[Range], others: list[Range]) -> list[Range]:
    """Return what of `some` lies in none of `others`."""
    found = []
    for first, last in some:
        at = first
        for a, b in sorted(others):
            if a > last:
                break
            if b >= at:
                if at < a:
                    found.append((at, a - 1))
                at = b + 1
        if at <= last:
            found.append((at, last))
    return found
