# SPDX-License-Identifier: MIT
"""Judge what was found against the leaks that were put in. Shares no code with the detector.

A leak is *found* by a burst that starts between 6 h before it and 48 h after (a leak that grows:
before its peak or within 45 days) and whose size is right within a factor of 1.5. One burst finds
one leak. Every other burst is *false*. Times are Unix seconds, sizes L/s.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
EARLY_S = 6 * HOUR_S
LATE_S = 48 * HOUR_S
GROWING_S = 45 * DAY_S
FACTOR = 1.5
ABRUPT, INCIPIENT = "abrupt", "incipient"


@dataclass(frozen=True)
class Leak:
    """What was put in; `peak_s` is when it had its full size."""

    name: str
    start_s: float
    end_s: float
    lps: float
    kind: str = ABRUPT
    peak_s: float = 0.0

    @property
    def latest_s(self) -> float:
        """Until when a burst may start that finds it."""
        if self.kind == ABRUPT:
            return self.start_s + LATE_S
        return max(self.peak_s, self.start_s + GROWING_S)


@dataclass(frozen=True)
class Found:
    """What a detector says; `end_s` is None while it lasts."""

    start_s: float
    lps: float
    end_s: float | None = None


@dataclass(frozen=True)
class Verdict:
    """`pairs` are indices (leak, burst); `false` those of the bursts that found nothing."""

    leaks: tuple[Leak, ...]
    bursts: tuple[Found, ...]
    pairs: tuple[tuple[int, int], ...]

    @property
    def false(self) -> list[int]:
        used = {burst for _, burst in self.pairs}
        return [i for i in range(len(self.bursts)) if i not in used]

    def found(self, kind: str | None = None) -> int:
        """How many leaks of a kind, or of all."""
        return sum(1 for leak, _ in self.pairs if kind in (None, self.leaks[leak].kind))

    def of(self, kind: str | None = None) -> int:
        """How many there were."""
        return sum(1 for leak in self.leaks if kind in (None, leak.kind))

    def delays_h(self) -> list[float]:
        """Start found minus true start of each leak that was found, in hours."""
        return [(self.bursts[b].start_s - self.leaks[k].start_s) / HOUR_S for k, b in self.pairs]

    def ends_h(self) -> list[float]:
        """The same of their ends, where both ended."""
        ends = [(self.leaks[k].end_s, self.bursts[b].end_s) for k, b in self.pairs]
        return [(told - true) / HOUR_S for true, told in ends if told is not None]

    def sizes(self) -> list[float]:
        """Size found by true size."""
        return [self.bursts[b].lps / self.leaks[k].lps for k, b in self.pairs]


def fits(leak: Leak, burst: Found) -> bool:
    """Whether a burst can be said to have found a leak."""
    if not leak.start_s - EARLY_S <= burst.start_s <= leak.latest_s:
        return False
    return leak.lps / FACTOR <= burst.lps <= leak.lps * FACTOR


def judge(leaks: Iterable[Leak], bursts: Iterable[Found]) -> Verdict:
    """Pair as many as can be, the nearest in time first (augmenting paths)."""
    leaks, bursts = tuple(leaks), tuple(bursts)
    wishes = [
        sorted(
            (b for b in range(len(bursts)) if fits(leak, bursts[b])),
            key=lambda b, at=leak.start_s: abs(bursts[b].start_s - at),  # type: ignore[misc]
        )
        for leak in leaks
    ]
    holder: dict[int, int] = {}
    for leak in range(len(leaks)):
        _place(leak, wishes, holder, set())
    return Verdict(leaks, bursts, tuple(sorted((leak, b) for b, leak in holder.items())))


def _place(
    leak: int, wishes: Sequence[Sequence[int]], holder: dict[int, int], tried: set[int]
) -> bool:
    for burst in wishes[leak]:
        if burst in tried:
            continue
        tried.add(burst)
        if burst not in holder or _place(holder[burst], wishes, holder, tried):
            holder[burst] = leak
            return True
    return False
