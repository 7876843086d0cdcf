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


def in_both(some: Iterable[Range], others: Iterable[Range]) -> list[Range]:
    """Return what lies in a range of each."""
    left, right = merged(some), merged(others)
    found: list[Range] = []
    i = j = 0
    while i < len(left) and j < len(right):
        first, last = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if first <= last:
            found.append((first, last))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return found


def without(some: Iterable[Range], others: Iterable[Range]) -> list[Range]:
    """Return what of `some` lies in none of `others`."""
    left, right = merged(some), merged(others)
    found: list[Range] = []
    j = 0
    for first, last in left:
        at = first
        while j < len(right) and right[j][1] < at:
            j += 1
        k = j
        while k < len(right) and right[k][0] <= last:
            if at < right[k][0]:
                found.append((at, right[k][0] - 1))
            at = right[k][1] + 1
            k += 1
        if at <= last:
            found.append((at, last))
    return found
