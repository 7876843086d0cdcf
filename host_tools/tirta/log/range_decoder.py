# SPDX-License-Identifier: MIT
"""Runs of the range coder back to records (FORMAT.md 4b), one small function for each step.

The mirror of the node's encoder (tirta_node/storage/codec_viper.py): the same state array, the
same arithmetic on integers. The functions run as they are, and but for `fresh` compiled by numba
where tirta.log.unpack finds it: so they use plain loops and arrays, and call only each other. All
are in this file, because numba's cache compares a function's own file alone with what it compiled:
a change elsewhere it would not see.

Any input ends: a record costs at most 2 + 19 × (channels + 1) steps and 33 raw bits a value, input
behind its end reads as zeros, and what no encoder writes ends as CORRUPT.
"""

from collections.abc import MutableSequence, Sequence

Data = Sequence[int]  # bytes
Words = MutableSequence[int]  # a list, or an array where numba compiled this

OK, CORRUPT = 0, -1

_CHANNELS, _RECORDS, _FLAGS, _PACES, _BLOCKS = 4, 5, 7, 20, 21
_LO, _HI, _USE, _D1, _EMA, _BEST, _E0, _FAST, _SLOW = 0, 1, 2, 3, 4, 5, 6, 10, 11
_W1, _W2, _GATE, _R1, _R2, _R3, _HIT, _STEPS = 12, 13, 14, 15, 16, 17, 18, 19
_PACE, _PACE_LO, _PACE_HI, _LEAP, _STRIDE = 20, 21, 22, 23, 24
_HEAD, _LOG, _RECENT = 480, 482, 738
_BIAS, _TOP, _BOTTOM = 1 << 28, 1 << 29, 1 << 21
_MISSING = 9
_NONE = 1 << 31  # no residual is so large
_CODE, _RANGE, _POS = 0, 1, 2  # the range decoder; code is kept times 8, in 32 bits
_E1, _E2, _Q1, _Q2 = 0, 1, 2, 3  # residuals and scales of the two channels before


def fresh(prior: bytes, channels: int, paces: int) -> tuple[list[int], list[int]]:
    """State and probabilities of fresh models (4b.2); `paces` is 0 in a page of version 1."""
    block = [0] * _STRIDE
    block[_D1] = block[_EMA] = block[_W1] = block[_W2] = block[_GATE] = _BIAS
    block[_FAST] = block[_SLOW] = 32
    block[_HI] = 65536  # no value yet
    block[_HIT] = 64
    st = [0] * _BLOCKS + block * (channels + 1)
    st[_CHANNELS], st[_PACES] = channels, paces
    st[_FLAGS : _FLAGS + 8] = [0x1111] * 8
    for x in range(channels + 1):
        st[_BLOCKS + x * _STRIDE + _STEPS] = _RECENT + 4 * x
    # Twice the binary logarithm of 0 to 255, in halves: the bit below the leading one counts.
    halves = [2 * i.bit_length() - 2 + (i << 1 >> i.bit_length() - 1 & 1) for i in range(1, 256)]
    pr = [p << 8 for p in prior] + [1024, 32768, 0, *halves] + [32768] * 4 * (channels + 1)
    return st, pr


def refill(data: Data, coder: Words) -> None:
    """Take bytes of the stream until the range is wide again."""
    while coder[_RANGE] < _BOTTOM:
        byte = int(data[coder[_POS]]) if coder[_POS] < len(data) else 0
        coder[_POS] += 1
        coder[_CODE] = coder[_CODE] << 8 | byte
        coder[_RANGE] <<= 8


def steps(data: Data, coder: Words, pr: Words, base: int, most: int) -> int:
    """Decode how many steps go on before one stops; `most` at most."""
    for j in range(most):
        p = pr[base + j]
        bound = (coder[_RANGE] >> 12) * (p >> 4)
        if coder[_CODE] < bound << 3:
            coder[_RANGE] = bound
            pr[base + j] = p + ((65535 - p) >> 6)
            refill(data, coder)
        else:
            coder[_CODE] -= bound << 3
            coder[_RANGE] -= bound
            pr[base + j] = p - (p >> 6)
            refill(data, coder)
            return j
    return most


def raw(data: Data, coder: Words, count: int) -> int:
    """Decode `count` raw bits, ten at a time; -1 for what no encoder writes."""
    value = 0
    while count > 0:
        n = min(count, 10)
        count -= n
        coder[_RANGE] >>= n
        part = coder[_CODE] // (coder[_RANGE] << 3)
        if part >> n:
            return -1
        coder[_CODE] -= part * (coder[_RANGE] << 3)
        refill(data, coder)
        value = value << n | part
    return value


def scale(st: Words, pr: Words, b: int) -> int:
    """Return q: twice log2(16 * mean |residual|)."""
    m = (st[b + _FAST] + st[b + _SLOW]) >> 1
    if m < 256:
        return pr[_LOG + m]
    if m < 16384:
        return pr[_LOG + (m >> 6)] + 12
    if m < 1048576:
        return pr[_LOG + (m >> 12)] + 24
    return pr[_LOG + (m >> 18)] + 36


def bucket_steps(st: Words, b: int, q: int) -> int:
    """Return where the probabilities of the bucket steps lie."""
    base = q << 4
    if q > 10:
        base = 176 + ((q & 1) << 4) + (32 if q > 12 else 0)
    return base + (240 if st[b + _FAST] > st[b + _SLOW] + (st[b + _SLOW] >> 1) else 0)


def predict(st: Words, b: int, which: int) -> int:
    """Predict a value, as a distance from the last one."""
    if which == 0:
        return 0
    if which == 2:
        return (st[b + _EMA] - _BIAS + 8) >> 4
    slope = st[b + _D1] - _BIAS
    return slope if which == 1 else slope >> 1


def learn_best(st: Words, b: int, d: int) -> None:
    """Learn which of the four predictions costs least, from the distance d."""
    which = 0
    for i in range(4):
        cost = st[b + _E0 + i]
        st[b + _E0 + i] = cost + (abs(d - predict(st, b, i)) << 4) - (cost >> 4)
        if st[b + _E0 + i] < st[b + _E0 + which]:
            which = i
    st[b + _BEST] = which


def neighbours(st: Words, b: int, before: Words) -> int:
    """Predict a residual from those of the two channels before."""
    w1 = st[b + _W1] - _BIAS
    w2 = st[b + _W2] - _BIAS
    return (w1 * before[_E1] + w2 * before[_E2] + 2048) >> 12


def learn_weight(st: Words, w: int, p: int, e: int, dq: int) -> None:
    """Move the weight at w by the sign of residual e and neighbour p."""
    if e != 0 and p != 0:
        step = 1 << min(max((dq + 20) >> 1, 0), 14)
        value = st[w] - _BIAS + (step if (p < 0) == (e < 0) else -step)
        if -32768 <= value < 32768:
            st[w] = value + _BIAS


def learn_neighbours(st: Words, b: int, e: int, p: int, q: int, before: Words) -> None:
    """Learn from e and p, the residual without and with the neighbours; q is the scale."""
    learn_weight(st, b + _W1, p, before[_E1], q - before[_Q1])
    learn_weight(st, b + _W2, p, before[_E2], q - before[_Q2])
    gain = min(max(abs(p) - abs(e), -4096), 4096)
    gate = st[b + _GATE] - _BIAS
    st[b + _GATE] = gate + (((gain << 4) - gate) >> 4) + _BIAS
    st[b + _USE] = 1 if gate + (st[b + _FAST] >> 1) < 0 else 0


def learn_recent(st: Words, b: int, d: int, found: int, last: int, q: int, g: int) -> None:
    """Learn which of the recent values was found (4 for none); `last` is the low half before."""
    if d != 0:
        value = (last + d) & 65535
        a, m = st[b + _R1], st[b + _R2]
        st[b + _R1] = last
        if a != value:
            st[b + _R2] = a
            if m != value:
                st[b + _R3] = m
    if g == 0:
        saved = (q - 8) << 5 if found < 4 else 0
        st[b + _HIT] += (saved - st[b + _HIT]) >> 4


def which_recent(st: Words, b: int, d: int, last: int) -> int:
    """Return which of the recent values lies at the distance d: 0 the last, 4 none."""
    if d == 0:
        return 0
    if d < -32768 or d > 32767:
        return 4
    value = (last + d) & 65535
    for i in range(3):
        if st[b + _R1 + i] == value:
            return i + 1
    return 4


def whole(data: Data, coder: Words) -> int:
    """Decode the 32 bits of a value written whole; -1 for corrupt."""
    wide = raw(data, coder, 17)
    if wide < 0:
        return -1
    low = wide & 65535
    if wide >> 16 == 0:
        return low | (0xFFFF0000 if low > 32767 else 0)
    high = raw(data, coder, 16)
    return -1 if high < 0 else high << 16 | low


def residual(data: Data, coder: Words, j: int, k: int) -> int:
    """Decode the residual of bucket j; _NONE for corrupt."""
    n = j - 2 if j > 2 else 0
    place = raw(data, coder, k + n + (1 if j > 0 else 0))
    sign = place & 1
    if j == 0:
        size = place
        sign = raw(data, coder, 1) if size > 0 else 0
    else:
        size = (place >> 1) + (j << k if j < 3 else ((1 << n) + 1) << k)
    if place < 0 or sign < 0:
        return _NONE
    return -size if sign else size


def distance(
    data: Data, coder: Words, st: Words, pr: Words, b: int, q: int, hit: int, guess: int
) -> int:
    """Decode the distance from the last value; _NONE for corrupt, _NONE + v for a whole value v."""
    low, high = st[b + _LO], st[b + _HI]
    if hit > 64:
        i = steps(data, coder, pr, st[b + _STEPS], 4)
        if i == 0:
            return 0
        if i < 4:
            return ((st[b + _R1 + i - 1] - low + 32768) & 65535) - 32768
    j = 15
    if high < 65536:
        j = steps(data, coder, pr, bucket_steps(st, b, q), 15)
    if j == 15:
        v = whole(data, coder)
        return _NONE if v < 0 else _NONE + 1 + v
    e = residual(data, coder, j, (q - 8) >> 1 if q > 10 else 0)
    return _NONE if e == _NONE else e + guess


def learn_near(
    st: Words, b: int, d: int, plain: int, cross: int, use: bool, q: int, g: int, before: Words
) -> int:
    """Learn from a near value at the distance d; return its residual."""
    e = d - plain
    p = e - cross
    if g == 2:
        learn_neighbours(st, b, e, p, q, before)
    elif g == 0:
        learn_best(st, b, d)
    if use:
        e = p
    st[b + _D1] = d + _BIAS
    ema = st[b + _EMA] - _BIAS - (d << 4)
    st[b + _EMA] = ema - (ema >> 2) + _BIAS
    size = abs(e) << 4
    st[b + _FAST] += (size - st[b + _FAST]) >> 2
    st[b + _SLOW] += (size - st[b + _SLOW]) >> 3
    if st[b + _PACE] > 0:
        pace = ((st[b + _PACE_HI] << 16 | st[b + _PACE_LO]) + (d >> 4)) & 0xFFFFFFFF
        st[b + _PACE_LO], st[b + _PACE_HI] = pace & 65535, pace >> 16
    return e


def learn_leap(st: Words, b: int, low: int, high: int) -> None:
    """Learn from a value that is not near: two leaps that are nearly the same set a pace."""
    st[b + _D1] = _BIAS
    st[b + _EMA] = _BIAS
    if st[b + _HI] < 65536 and st[_PACES] > 0:
        last = st[b + _HI] << 16 | st[b + _LO]
        pace = st[b + _PACE_HI] << 16 | st[b + _PACE_LO]
        leap = ((high << 16 | low) - last + pace) & 0xFFFFFFFF
        same = (((leap >> 16) - st[b + _LEAP] + 8) & 65535) < 16
        st[b + _LEAP] = leap >> 16
        st[b + _PACE] = 1 if same else 0
        st[b + _PACE_LO] = leap & 65535 if same else 0
        st[b + _PACE_HI] = leap >> 16 if same else 0


def value(data: Data, coder: Words, st: Words, pr: Words, b: int, g: int, before: Words) -> int:
    """Decode a value of the channel at b; OK or CORRUPT."""
    q = scale(st, pr, b)
    hit = st[b + _HIT] if q > 8 else 0
    plain = predict(st, b, st[b + _BEST])
    cross = neighbours(st, b, before)
    use = st[b + _USE] == 1
    if g == 2:
        use = st[b + _GATE] - _BIAS + (st[b + _FAST] >> 1) < 0
    low, high = st[b + _LO], st[b + _HI]
    d = distance(data, coder, st, pr, b, q, hit, plain + cross if use else plain)
    if d == _NONE:
        return CORRUPT
    far = high > 65535
    if d > _NONE:
        v = d - _NONE - 1
        step = (((v >> 16) - high + 8) & 65535) - 8
        far = far or step > 7
        d = (step << 16) + (v & 65535) - low
        low, high = v & 65535, v >> 16
    else:
        v = (high << 16 | low) + d
        low, high = v & 65535, (v >> 16) & 65535
        # The encoder takes for near what lies within eight high halves; a stream cannot say more.
        step = ((high - st[b + _HI] + 8) & 65535) - 8
        if step > 7 or (step << 16) + low - st[b + _LO] != d:
            return CORRUPT
    e = 0
    if far:
        learn_leap(st, b, low, high)
    else:
        e = learn_near(st, b, d, plain, cross, use, q, g, before)
        if hit > 31:
            last = st[b + _LO]
            learn_recent(st, b, d, which_recent(st, b, d, last), last, q, g)
    low += st[b + _PACE_LO]
    st[b + _LO] = low & 65535
    st[b + _HI] = (high + st[b + _PACE_HI] + (low >> 16)) & 65535
    before[_E2], before[_Q2], before[_Q1] = before[_E1], before[_Q1], q
    before[_E1] = e if -8192 <= e < 8192 else 0
    return OK


def leave(st: Words, b: int, rows: Words, o: int) -> None:
    """Write the last value of the block at b: what lies there goes ahead of it by the pace."""
    low = st[b + _LO] - st[b + _PACE_LO]
    rows[o] = low & 65535
    rows[o + 1] = (st[b + _HI] - st[b + _PACE_HI] + (low >> 16)) & 65535


def record(
    data: Data, coder: Words, st: Words, pr: Words, rows: Words, o: int, before: Words
) -> int:
    """Decode a record into rows[o:]; OK or CORRUPT."""
    channels = st[_CHANNELS]
    flags = o + 2 + 2 * channels
    words = (channels + 3) >> 2
    turn = st[_RECORDS]
    st[_RECORDS] += 1
    for i in range(4):
        before[i] = 0
    head = steps(data, coder, pr, _HEAD, 2)
    if head == 2:
        for i in range(words):
            word = raw(data, coder, 16)
            if word < 0:
                return CORRUPT
            st[_FLAGS + i] = word
    rows[o] = rows[o + 1] = 0
    if head > 0:
        if value(data, coder, st, pr, _BLOCKS, turn & 3, before) == CORRUPT:
            return CORRUPT
        leave(st, _BLOCKS, rows, o)
    for i in range(words):
        rows[flags + i] = st[_FLAGS + i]
    for c in range(channels):
        b = _BLOCKS + (c + 1) * _STRIDE
        turn += 1
        if (st[_FLAGS + (c >> 2)] >> ((c & 3) << 2)) & 15 == _MISSING:
            before[_E2], before[_Q2], before[_E1] = before[_E1], before[_Q1], 0
        elif value(data, coder, st, pr, b, turn & 3, before) == CORRUPT:
            return CORRUPT
        leave(st, b, rows, o + 2 + 2 * c)
    return OK


def decode(
    data: Data, count: int, st: Words, pr: Words, rows: Words, at: int, coder: Words, before: Words
) -> int:
    """Decode a chunk of `count` records into rows from record `at` on; the number of good ones."""
    channels = st[_CHANNELS]
    width = 2 + 2 * channels + 2 * ((channels + 7) >> 3)
    coder[_CODE] = 0
    for i in range(4):
        byte = int(data[i]) if i < len(data) else 0
        coder[_CODE] = coder[_CODE] << 8 | byte
    coder[_RANGE] = _TOP
    coder[_POS] = 4
    for i in range(count):
        if record(data, coder, st, pr, rows, (at + i) * width, before) == CORRUPT:
            return i
    return count


def page(
    data: Data,
    chunks: Sequence[Sequence[int]],
    st: Words,
    pr: Words,
    rows: Words,
    coder: Words,
    before: Words,
) -> int:
    """Decode runs that go on from each other, each (begin, end, count) in `data`; OK or CORRUPT."""
    at = 0
    for i in range(len(chunks)):
        count = chunks[i][2]
        run = data[chunks[i][0] : chunks[i][1]]
        if decode(run, count, st, pr, rows, at, coder, before) < count:
            return CORRUPT
        at += count
    return OK
