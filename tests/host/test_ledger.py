# SPDX-License-Identifier: MIT
"""Ranges, the ledger through detected, collecting, collected and lost, and what `tail` shows."""

import json
from itertools import pairwise
from pathlib import Path

from generated import given
from hypothesis import strategies as st
from peer import Peer, peer_fixture  # noqa: F401

from tirta import ranges
from tirta.archive import holes, ledger
from tirta.archive.evidence import Archive
from tirta.archive.holes import Hole
from tirta.node import Node
from tirta.pull.pull import pull

NUMBERS = st.sets(st.integers(0, 40))


@given(NUMBERS, NUMBERS)
def test_ranges_are_sets(some: set[int], others: set[int]) -> None:
    a, b = (ranges.merged((n, n) for n in each) for each in (some, others))

    def flat(found: list[ranges.Range]) -> list[int]:
        return [n for first, last in found for n in range(first, last + 1)]

    assert flat(a) == sorted(some)
    assert ranges.count(a) == len(some)
    assert ranges.merged(a + b) == ranges.merged((n, n) for n in some | others)
    assert flat(ranges.in_both(a, b)) == sorted(some & others)
    assert flat(ranges.without(a, b)) == sorted(some - others)


LOSSES = st.lists(st.tuples(st.integers(-5, 40), st.integers(-5, 40), st.sampled_from("abc")))


@given(NUMBERS, NUMBERS, LOSSES)
def test_every_lacking_number_is_in_one_hole_with_its_reason(
    lacking: set[int], damaged: set[int], lost: list[holes.Loss]
) -> None:
    found = holes.find([(n, n) for n in lacking], [(n, n) for n in damaged], lost)
    told = {n: (h.state, h.reason) for h in found for n in range(h.first, h.last + 1)}
    assert sum(hole.records for hole in found) == len(told)
    for n in lacking:
        why = next((why for a, b, why in lost if a <= n <= b), None)
        state = "damaged" if n in damaged else "lost" if why else "missing"
        assert told.pop(n) == (state, why)
    assert told == {}
    for a, b in pairwise(found):
        assert a.last < b.first
        same = (a.state, a.reason) == (b.state, b.reason)
        assert not (same and a.last + 1 == b.first)


def test_a_node_that_says_it_lost_every_second_record_is_heard_to_the_end() -> None:
    """Squares of what a node may write into a log would take minutes here."""
    count = 100_000
    lost = [(2 * n, 2 * n, "the flash failed") for n in range(count)]
    found = holes.find([(0, 2 * count - 1)], [(0, 9)], lost)
    assert len(found) == 2 * count
    assert [h.state for h in found[8:12]] == ["damaged", "damaged", "lost", "missing"]


def states(found: ledger.Ledger) -> list[tuple[int, int, str, str]]:
    return [(h.first, h.last, h.state, h.reason) for h in found.entries]


def test_a_hole_goes_its_way_through_a_killed_pull(tmp_path: Path) -> None:
    epoch = Archive(tmp_path).epoch("n0de", 7)
    first = ledger.Ledger(epoch)
    first.detect([(0, 9)], 0, 100)
    assert states(first) == [(10, 99, "detected", "")]
    first.collect([(10, 49)])
    first.save()
    again = ledger.Ledger(epoch)  # the pull was killed here
    again.detect([(0, 29)], 0, 120)
    again.save()
    assert states(again) == [
        (10, 49, "collecting", ""), (50, 99, "detected", ""), (100, 119, "detected", ""),
    ]  # fmt: skip
    again.collect([(0, 119)])
    again.collect_ended(
        [(0, 59), (70, 119)], [Hole(60, 64, holes.DAMAGED), Hole(65, 69, holes.MISSING)]
    )
    again.save()
    assert set(states(ledger.Ledger(epoch))) == {
        (10, 49, "collected", ""), (50, 59, "collected", ""), (60, 64, "lost", ledger.UNREADABLE),
        (65, 69, "detected", ""), (70, 99, "collected", ""), (100, 119, "collected", ""),
    }  # fmt: skip


def test_a_pull_keeps_the_ledger_and_a_second_one_changes_nothing(
    peer: Peer, tmp_path: Path
) -> None:
    peer.log.add(2000)
    with Node(peer.port) as node:
        assert pull(node, tmp_path, 100, until=200).holes == []
        (path,) = tmp_path.rglob("ledger.json")
        found = json.loads(path.read_text())
        assert found["collected"][0][0] <= 100
        assert found["collected"][-1][1] >= 199
        assert {h["state"] for h in found["holes"]} == {"collected", "detected"}
        assert peer.pulled == 0  # not all of it is safe
        pull(node, tmp_path)
        assert peer.pulled == 2000
        before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
        pull(node, tmp_path)
    assert before == {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert json.loads(path.read_text())["collected"] == [[0, 1999]]
    path.write_text("[half")
    with Node(peer.port) as node:
        pull(node, tmp_path)
    assert json.loads(path.read_text())["collected"] == [[0, 1999]]
