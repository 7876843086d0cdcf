# SPDX-License-Identifier: MIT
"""Pages from a node, many in flight: only what did not come is asked for again.

A *slice* is 1024 bytes of a page, what one data frame carries. The node streams all slices between
two places without waiting; after its end frame the laptop asks for the runs of slices that are
missing.
"""

import struct
from collections.abc import Callable, Iterator

from tirta.errors import TirtaError
from tirta.link import Link
from tirta_format import frame
from tirta_format.page import SIZE

ROUNDS = 8  # without one new slice, the line is dead
RUN_PAGES = 64  # in one request: what is lost early is not asked for only after a minute
_DATA_HEAD = struct.Struct(frame.DATA_HEAD)
_SILENCE_S = 1.5

Span = tuple[int, int, int]  # page, from, to


def read_pages(
    link: Link, spans: list[Span], progress: Callable[[int], None] = lambda _: None
) -> Iterator[tuple[int, bytes]]:
    """Yield (page, bytes of its span) in ascending order; a page that the node lost is left out.

    `progress` is told the bytes of log that came.
    """
    reader = _Reader(link, spans, progress)
    fruitless = 0
    while reader.wanted:
        before = reader.came
        yield from reader.round()
        fruitless = fruitless + 1 if reader.came == before else 0
        if fruitless >= ROUNDS:
            raise TirtaError(
                f"The node on {link.line.port} stopped answering.",
                "What came is kept. Check the cable, then run the command again: it goes on there.",
            )


class _Reader:
    def __init__(self, link: Link, spans: list[Span], progress: Callable[[int], None]) -> None:
        self.link = link
        self.progress = progress
        self.came = 0
        # In the order of their sequence, so that what is stored never has a hole behind it.
        self.wanted = {page: (start, end) for page, start, end in sorted(spans)}
        self._slices: dict[int, dict[int, bytes]] = {page: {} for page in self.wanted}

    def round(self) -> Iterator[tuple[int, bytes]]:
        """One read request for the first run of missing slices, and what it brings."""
        before = self.came
        first, last = self._first_run()
        payload = struct.pack("<IHIH", *first, *last)
        sequence = self.link.send(frame.READ, payload)
        for kind, _, content in self.link.receive(sequence, _SILENCE_S):
            if kind == frame.DATA:
                self._keep(content)
                yield from self._whole()
            elif kind == frame.END:
                if content[4:5] == bytes((frame.END_PAGE_GONE,)) and self.came == before:
                    self._drop(first[0])
                break
        yield from self._whole()

    def _first_run(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """((page, offset), (page, end)) from the first missing slice to the next one held."""
        begin: tuple[int, int] | None = None
        stop = (0, 0)
        for page, (start, end) in self.wanted.items():
            for at in _cuts(start, end):
                if at not in self._slices[page]:
                    begin = begin or (page, at)
                    stop = (page, _cut_end(at, end))
                elif begin:
                    return begin, stop
            if begin and (end < SIZE or page - begin[0] >= RUN_PAGES):
                break  # beyond a short page lies what is not committed
        assert begin is not None  # noqa: S101  asked only while something is wanted
        return begin, stop

    def _keep(self, content: bytes) -> None:
        if len(content) < _DATA_HEAD.size:
            return
        page, at, n = _DATA_HEAD.unpack_from(content)
        data = content[_DATA_HEAD.size :]
        if page not in self.wanted or n != len(data) or n > frame.SLICE:
            return
        start, end = self.wanted[page]
        if at not in _cuts(start, end) or at in self._slices[page]:
            return
        size = _cut_end(at, end) - at
        self._slices[page][at] = data[:size].ljust(size, b"\xff")
        self.came += size
        self.progress(size)

    def _whole(self) -> Iterator[tuple[int, bytes]]:
        while self.wanted:
            page, (start, end) = next(iter(self.wanted.items()))
            have = self._slices[page]
            cuts = _cuts(start, end)
            if len(have) < len(cuts):
                return
            yield page, b"".join(have[at] for at in cuts)
            self._drop(page)

    def _drop(self, page: int) -> None:
        self.wanted.pop(page, None)
        self._slices.pop(page, None)


def _cuts(start: int, end: int) -> list[int]:
    """Where the slices of a span begin."""
    first = start // frame.SLICE * frame.SLICE + frame.SLICE
    return [start, *range(first, end, frame.SLICE)] if start < end else []


def _cut_end(at: int, end: int) -> int:
    return min(at // frame.SLICE * frame.SLICE + frame.SLICE, end)
