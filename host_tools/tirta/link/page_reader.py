# SPDX-License-Identifier: MIT
"""Pages from a node, many in flight: only what did not come is asked for again.

A *gap* is a stretch of a page that is still wanted. Each read request names the first gaps, as many
as the line carries in some seconds; the node streams them without waiting for anything. What noise
took is in the next request, before what is new. A *slice* is what one data frame carries at most:
long on a clean line, shorter on a bad one.
"""

import struct
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

from tirta import patience
from tirta.errors import TirtaError
from tirta.link.frames import LATE_S, Frame, Link
from tirta.patience import Patience
from tirta_format import frame
from tirta_format.page import SIZE

ROUNDS = 6  # without one new byte, the line is dead
LEAST_S = 10  # in so long at least …
LEAST_SHARE = 1 / 200  # … this share of the line must be new, or it is no transfer
BAD_ROUNDS = 2  # then a slower line may do better
WINDOW_S = 5  # of the line in one request: what is lost early is asked for again soon
LONG_WINDOW_S = 20  # where nothing is lost: each request costs a turn of the line
_SILENCE_S = 1.0
# Times what an answer takes, and some: for a read it loads what it does for an index, and more.
_FIRST = 2
_SLOW = 5
_LONG_SLICE = frame.SLICES.index(4096)
_FIRST_SLICE = frame.SLICES.index(2048)
_FEW_PAGES = 32
_GOOD_SLICE = frame.SLICES.index(1024)  # shorter ones are for lines that lose much
_FEW = 0.02  # of the frames: with more lost, shorter ones carry more
_MANY = 0.25
_ENOUGH_FRAMES = 100  # without a loss, to try longer ones
_SPARE_FRAMES = 1024  # pages between those asked for may be sent, too
_DATA_HEAD = struct.Struct(frame.DATA_HEAD)
_END = struct.Struct("<IB")

PageSpan = tuple[int, int, int]  # page, from, to


def read_pages(
    link: Link,
    groups: list[list[PageSpan]],
    progress: Callable[[int], None] = lambda _: None,
    worse: Callable[[], object] = lambda: None,
) -> Iterator[tuple[int, bytes]]:
    """Yield (page, bytes of its span) in ascending order; a page that the node lost is left out.

    The pages of a group follow each other on the node. `progress` is told the bytes of log that
    came, `worse` that nothing comes through: it may slow the line down.
    """
    reader = _Reader(link, groups, progress)
    fruitless = 0
    while reader.wanted:
        before = reader.came, len(reader.wanted)
        yield from reader.round()
        fruitless = fruitless + 1 if (reader.came, len(reader.wanted)) == before else 0
        if reader.wanted and (fruitless >= ROUNDS + link.line.patience_s or reader.stalled):
            raise TirtaError(
                f"The node on {link.line.port} stopped answering.",
                "What came is kept. Check the cable, then run the command again: it goes on there.",
            )
        if fruitless == BAD_ROUNDS:
            worse()


class _Page:
    """What came of the wanted span of a page."""

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.data = bytearray(b"\xff" * (end - start))
        self.gaps = [(start, end)]

    def fill(self, at: int, data: bytes) -> int:
        """Take in what is new of these bytes; return how many that are."""
        left: list[tuple[int, int]] = []
        new = 0
        for first, end in self.gaps:
            a, b = max(first, at), min(end, at + len(data))
            if a >= b:
                left.append((first, end))
                continue
            self.data[a - self.start : b - self.start] = data[a - at : b - at]
            new += b - a
            left += [gap for gap in ((first, a), (b, end)) if gap[0] < gap[1]]
        self.gaps = left
        return new


class _Reader:
    def __init__(
        self, link: Link, groups: list[list[PageSpan]], progress: Callable[[int], None]
    ) -> None:
        self.link = link
        self.progress = progress
        self.came = 0
        # In the order of their sequence, so that what is stored never has a hole behind it.
        spans = sorted(span for group in groups for span in group)
        self.wanted = {page: _Page(start, end) for page, start, end in spans}
        self._follows = {b[0]: a[0] for group in groups for a, b in pairwise(sorted(group))}
        # A slow line is asked so often that one lost frame is a lesson in time.
        few = WINDOW_S * link.line.byte_rate < _FEW_PAGES * SIZE
        self._slice = _LONG_SLICE if few else _FIRST_SLICE
        self._clean_frames = 0
        self._window_s = WINDOW_S
        self._paced = 0  # what had come when the pace was set
        self._pace = self._new_pace()

    @property
    def stalled(self) -> bool:
        """Whether so little comes that it would never end."""
        return self._pace.over

    def _new_pace(self) -> Patience:
        self._paced = self.came
        seconds = LEAST_S + _SLOW * self.link.pace_s + self.link.line.patience_s
        return Patience(seconds, f"for the log of the node on {self.link.line.port}")

    def _keep_pace(self) -> None:
        """Enough came in time: what comes next has as long."""
        if self.came - self._paced >= LEAST_S * LEAST_SHARE * self.link.line.byte_rate:
            self._pace = self._new_pace()
            patience.sign()

    def round(self) -> Iterator[tuple[int, bytes]]:
        """Send one read request for the first gaps, and what it brings."""
        ranges = self._ranges()
        asked = {
            page for first, _, last, _ in ranges for page in self.wanted if first <= page <= last
        }
        payload = struct.pack(frame.READ_SLICE, frame.SLICES[self._slice])
        payload += b"".join(struct.pack(frame.READ_RANGE, *each) for each in ranges)
        frames, sent = 0, None
        most = _SPARE_FRAMES + len(asked) * (SIZE // frame.SLICES[self._slice] + 1)
        damaged = self.link.damaged_frames
        sequence = self.link.stream(frame.READ, payload)
        late = Patience(LATE_S, self._pace.what)
        quiet_s = _SILENCE_S + self.link.line.seconds(frame.MAX_FROM_NODE)
        quiet_s = max(quiet_s, self.link.pace_s)
        until = time.monotonic() + max(quiet_s, _FIRST * self.link.pace_s)
        while came := self._next(sequence, until, None if frames else late):
            kind, _, content = came
            if kind == frame.DATA:
                frames += 1
                if frames > most:
                    raise TirtaError(
                        f"The node on {self.link.line.port} sends more than it was asked for.",
                        "Restart it: `mpremote reset`, or switch it off and on. Then pull again.",
                    )
                before = self.came
                whole = self._keep(content)
                if self.came > before:
                    until = time.monotonic() + quiet_s
                    self._keep_pace()
                if whole:
                    yield from self._whole()
                    if not asked & self.wanted.keys():
                        break
            elif kind == frame.END and len(content) >= _END.size:
                sent = int(_END.unpack_from(content)[0])
                break
        if sent == frames:
            self._drop_gone(ranges)
        yield from self._whole()
        lost = self.link.damaged_frames - damaged if sent is None else max(0, sent - frames)
        self._adapt(frames, lost)

    def _next(self, sequence: int, until: float, late: Patience | None) -> Frame | None:
        """The next frame; the first one until `late`, of a node that says it has the request."""
        came = self.link.next(sequence, until, self._pace)
        if came is None and late is not None and self.link.is_taken:
            came = self.link.next(sequence, late.until, late)
        return came

    def _ranges(self) -> list[tuple[int, int, int, int]]:
        """(first page, offset, last page, end) of the first gaps, as many as fit into a request."""
        left = max(SIZE, int(self._window_s * self.link.line.byte_rate))
        found: list[tuple[int, int, int, int]] = []
        for page, known in self.wanted.items():
            for start, end in known.gaps:
                before = found[-1] if found else None
                if before and before[2:] == (self._follows.get(page), SIZE) and start == 0:
                    found[-1] = (*before[:2], page, end)
                elif len(found) < frame.MAX_RANGES:
                    found.append((page, start, page, end))
                else:
                    return found
                left -= end - start
                if left <= 0:
                    return found
        return found

    def _keep(self, content: bytes) -> bool:
        """Take in a data frame; whether its page is whole now."""
        if len(content) < _DATA_HEAD.size:
            return False
        page, at, n = _DATA_HEAD.unpack_from(content)
        data = content[_DATA_HEAD.size :]
        known = self.wanted.get(page)
        if known is None or len(data) > n or at + n > SIZE:
            return False
        new = known.fill(at, data.ljust(n, b"\xff"))
        self.came += new
        self.progress(new)
        return not known.gaps

    def _whole(self) -> Iterator[tuple[int, bytes]]:
        while self.wanted:
            page, known = next(iter(self.wanted.items()))
            if known.gaps:
                return
            del self.wanted[page]
            yield page, bytes(known.data)

    def _drop_gone(self, ranges: list[tuple[int, int, int, int]]) -> None:
        """Every frame came: what is missing of these ranges is not in the log any more."""
        for first, offset, last, end in ranges:
            for page, known in list(self.wanted.items()):
                a = offset if page == first else 0
                b = end if page == last else SIZE
                if first <= page <= last and any(a <= x < b for x, _ in known.gaps):
                    del self.wanted[page]

    def _adapt(self, frames: int, lost: int) -> None:
        share = lost / max(1, frames + lost)
        self._clean_frames = 0 if lost else self._clean_frames + frames
        self._window_s = WINDOW_S if lost else min(LONG_WINDOW_S, 2 * self._window_s)
        if (share > _MANY and self._slice > 0) or (share > _FEW and self._slice > _GOOD_SLICE):
            self._slice -= 1
        elif self._clean_frames >= _ENOUGH_FRAMES and self._slice < _LONG_SLICE:
            self._slice += 1
            self._clean_frames = 0
