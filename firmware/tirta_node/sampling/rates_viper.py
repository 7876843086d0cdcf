# SPDX-License-Identifier: MIT
"""rates_plain.py as viper kernels. Made from it by host_tools/make_kernels.py."""

from micropython import const

_OVER = const(0)
_AT = const(1)
_LEFT = const(2)
_INTERVAL = const(3)
_DUE = const(0)
_TICKS = const(0x3FFFFFFF)
_FAR = const(0x20000000)


@micropython.viper
def rates(w: ptr32, st: ptr32, now: int, parts) -> int:
    """Sample whatever is due; with the next call make the record. So no tick does both, and a
    sample that was due with the record belongs to it, unless it comes so late that it counts for
    the next. `st` is the state of the record's group.

    `parts`: the tick, how many groups, these (period, cells, state, parts, the next ones), and of
    the record's group its cells, state and parts.
    """
    tick, count, groups, cells, state, parts = parts
    if w[_OVER]:
        w[_OVER] = 0
        tick(cells, state, w[_AT], parts)
        left = w[_LEFT] - (now - w[_AT] & _TICKS)
        if left < 0:
            left = 0
        return left
    late = now - st[_DUE] & _TICKS
    if late < _FAR:
        w[_OVER] = 1
        w[_AT] = now
        w[_LEFT] = w[_INTERVAL]
    else:
        w[_LEFT] = _TICKS - late + 1
        late = 0 - 1
    n = int(count)
    while n:
        period, cells, state, parts, groups = groups
        left = 0  # one that is as late as a period waits for the next interval
        if int(period) > late:
            left = int(tick(cells, state, now, parts))
        if left < w[_LEFT]:
            w[_LEFT] = left
        n -= 1
    if w[_OVER]:
        return 0
    return w[_LEFT]


@micropython.viper
def take(of, slot: int):
    """The record's interval is over. `of`: what closes a bench and what takes the record, its ring,
    how many benches, and these (one, the next ones).
    """
    close, push, ring, count, benches = of
    n = int(count)
    while n:
        bench, benches = benches
        close(bench, ring, 0)
        n -= 1
    push(ring, slot)
