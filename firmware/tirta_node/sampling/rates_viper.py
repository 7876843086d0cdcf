# SPDX-License-Identifier: MIT
"""Groups with periods of their own beside the record's, for configs that ask for it: kernels in
viper (see storage/codec_viper.py).

Samples of a group go to its *bench*: cells, then accounts of what came since the last record. A
record is made of the accounts when its interval ends. Its own group has no sensors; `w` are words
of its state. What is an object comes in tuples, since one unpacking costs as much as one item taken
by its index.
"""

from micropython import const

# Words.
_OVER = const(0)  # 1: the interval is over, and its record is not made yet
_AT = const(1)  # ticks at which that was seen
_LEFT = const(2)  # ms from then on until a group is due, or the record
_INTERVAL = const(3)
_WORDS = const(4)
# As in tick_viper.py.
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
