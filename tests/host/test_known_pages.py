# SPDX-License-Identifier: MIT
"""What a pull remembers of pages: none is opened again that is as it was, and none that changed is
believed. Opened files are counted by the interpreter itself (an audit hook), not by our code.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lake import store
from peer import EPOCH, FakeLog, Peer, peer_fixture  # noqa: F401

from tirta import ranges
from tirta.archive.contents import Contents
from tirta.archive.evidence import Archive, Epoch
from tirta.log.decode import decode_epoch
from tirta.log.known_pages import refresh
from tirta.node import Node
from tirta.pull.pull import PullResult, pull
from tirta.tables.landing import land_all
from tirta_format import meta
from tirta_format import page as pages

_watching: list[list[str]] = []


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    """Audit hooks stay for ever: this one notes what happens while somebody counts."""
    if _watching and event in {"open", "os.scandir", "os.listdir"}:
        for seen in _watching:
            seen.append(f"{event} {arguments[0]}")


sys.addaudithook(_hook)


@contextmanager
def counted() -> Iterator[list[str]]:
    """What is opened and listed in here, as `event path`."""
    seen: list[str] = []
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.remove(seen)


def opened(seen: list[str]) -> list[str]:
    return [line for line in seen if line.startswith("open ") and line.endswith(".page")]


def listed(seen: list[str]) -> int:
    return sum(line.endswith(f"/{EPOCH}/pages") and not line.startswith("open") for line in seen)


def pulled(port: str, archive: Path) -> tuple[PullResult, list[str]]:
    """A whole pull with its tables, as `tirta pull` makes it."""
    with counted() as seen, Node(port) as node:
        result = pull(node, archive)
        assert land_all(archive).problems == []
    return result, seen


def looked_into(epoch: Epoch) -> Contents:
    """What is known of the pages once those that are new or changed were opened."""
    contents = Contents.of(epoch)
    refresh(contents)
    return contents


def test_a_pull_that_brings_nothing_new_opens_no_page(peer: Peer, tmp_path: Path) -> None:
    peer.log.add(3000)
    first, seen = pulled(peer.port, tmp_path)
    assert first.records == 3000
    assert len(opened(seen)) >= len(peer.log.pages) > 5
    again, seen = pulled(peer.port, tmp_path)
    assert (again.records, again.total, again.holes) == (0, 3000, [])
    assert opened(seen) == []
    assert 1 <= listed(seen) <= 4  # to tidy up, to begin, to account, for the tables


def test_a_pull_opens_what_is_new_and_no_other_page(peer: Peer, tmp_path: Path) -> None:
    peer.log.add(3000)
    pulled(peer.port, tmp_path)
    last = peer.log.seq
    peer.log.add(200)
    with counted() as seen, Node(peer.port) as node:
        result = pull(node, tmp_path)  # the tables of a month are made of all its pages
    assert (result.records, result.total) == (200, 3200)
    touched = {int(Path(line).stem) for line in opened(seen) if "pages/0" in line}
    assert touched == set(range(last, peer.log.seq + 1))


@pytest.mark.parametrize("what", ["changed", "grown", "gone", "forgotten"])
def test_what_changed_is_looked_into_again(tmp_path: Path, what: str) -> None:
    fake = FakeLog()
    fake.add(600)
    epoch = store(tmp_path, fake)
    contents = looked_into(epoch)
    contents.save()
    assert Contents.of(epoch) == contents
    assert contents.have() == [(0, 599)]
    path = epoch.path(2)
    if what == "changed":
        hurt = bytearray(path.read_bytes())
        hurt[1000] ^= 1
        epoch.store(2, bytes(hurt))
    elif what == "grown":
        fake.add(20)
        store(tmp_path, fake)
    elif what == "gone":
        path.unlink()
    else:
        (epoch.folder / "contents.json").write_text(
            '{"format": 1, "epoch": 77, "pages": {"2": [1]}}'
        )
    contents = looked_into(epoch)
    log = decode_epoch(epoch)
    assert contents.have() == ranges.merged(r for one in log.records for r in one.ranges())
    assert bool(contents.damaged(600)) is (what == "changed")
    assert (contents.have() == [(0, 599)]) is (what == "forgotten")


def test_a_config_that_comes_later_makes_known_pages_readable(tmp_path: Path) -> None:
    fake = FakeLog()
    fake.add(600)
    first = bytes(fake.pages.pop(1))
    epoch = store(tmp_path, fake)
    contents = looked_into(epoch)
    contents.save()
    assert contents.have() == []
    assert contents.damaged(600) == [(contents.pages[2].first_record, 599)]
    epoch.store(1, first)
    contents = looked_into(epoch)
    assert contents.have() == [(0, 599)]
    assert contents.damaged(600) == []


@pytest.mark.parametrize("damage", [b"", b'{"half', b"\xff"])
def test_a_damaged_config_is_mended_from_the_pages(tmp_path: Path, damage: bytes) -> None:
    fake = FakeLog()
    fake.add(600)
    epoch = store(tmp_path, fake)
    contents = looked_into(epoch)
    contents.save()
    (kept,) = (epoch.folder / "configs").iterdir()
    text = kept.read_bytes()
    kept.write_bytes(damage)
    fake.add(200)
    store(tmp_path, fake)
    contents = looked_into(epoch)
    assert contents.have() == [(0, 799)]
    assert kept.read_bytes() == text


def skip_numbers(log: FakeLog, count: int, at_most: int) -> None:
    """Go on with a later number, and say that so many may be lost, as a start behind a torn end
    does.
    """
    log.encoder.restart(1, log.number + count, log.encoder.slot + count)
    log.end = pages.SIZE
    log.add(1)
    payload = meta.loss(0, meta.LOSS_TORN, log.number - 1, at_most, 0)
    buf = bytearray(len(payload) + 8)
    buf[2 : 2 + len(payload)] = payload
    log._chunk(buf, pages.META, len(payload))


def test_what_the_node_says_it_lost_is_not_asked_for_for_ever(peer: Peer, tmp_path: Path) -> None:
    peer.log.add(600)
    skip_numbers(peer.log, 50, 50)
    peer.log.add(50)
    result, _ = pulled(peer.port, tmp_path)
    assert [(h.first, h.last, h.state) for h in result.holes] == [(600, 649, "lost")]
    assert result.holes[0].reason == "the end of the log was torn or damaged"
    assert peer.pulled == 701, "it was never told that all that can come is safe"


def test_a_loss_is_not_believed_of_pages_that_did_not_come(peer: Peer, tmp_path: Path) -> None:
    """A node tells a loss as a bound: records that it still has lie within."""
    peer.log.add(600)
    skip_numbers(peer.log, 50, 400)
    epoch = Archive(tmp_path).epoch("n0de", EPOCH)
    gone = peer.log.pages.pop(peer.log.seq - 1)  # a page that cannot be read today
    result, _ = pulled(peer.port, tmp_path)
    head = pages.header(bytes(gone))
    assert [(h.first, h.last, h.state) for h in result.holes] == [(head.number, 649, "missing")]
    assert peer.pulled == 0
    assert epoch.path(peer.log.seq).exists()
