# SPDX-License-Identifier: MIT
"""Kernels of the log and the line, in viper: the record encoder, the ring, COBS and CRC.

The encoder (FORMAT.md 4b) predicts each value from its past and codes what is left with an adaptive
range coder. A *record* is a row of 16-bit halves (slip, values, flags); a *page* starts with fresh
models (`reset`); a *run* starts with a fresh range coder and keeps the models.

A *kernel* gets the address of a state and finds what else lies in the same array from there, for
each argument more costs as much as a pointer made of the first. Viper's integers wrap at the word,
and a word that is read through a pointer has no sign where words have 64 bits. So signed state is
stored plus BIAS, a value is handled as two halves, and nothing here exceeds 30 bits: the chip's 32
bits, a laptop's 64 and plain Python (tests/both/plain_viper.py) give the same.

Viper keeps the first two locals of a function in registers, parameters first: a tenth fewer
instructions when these are the busiest ones. So such a pair stands first in some signatures, and
`ring = ptr32(base)` is what the argument is called. `encode` is one long function because a call
between two kernels costs as much as a tenth of a value.
"""

from micropython import const

# The state array: the coder, then a block for the slip and one for each channel.
_LOW = const(0)
_RANGE = const(1)
_POS = const(2)  # bytes written
_LIMIT = const(3)  # a record that ends here or later does not fit
_CHANNELS = const(4)
_RECORDS = const(5)  # of this page so far
_GAPS = const(6)  # 1 if a flag says missing
_FLAGS = const(7)  # four flags a word, eight words
_PROBS = const(15)  # where the probabilities and the output lie, in words
_OUT = const(16)
_COUNT = const(17)  # records in this chunk; it is to be finished at MOST records or SOFT bytes
_MOST = const(18)
_SOFT = const(19)
_PACES = const(20)  # 1: values may have a pace; pages of version 1 know none
_BLOCKS = const(21)
# A block.
# Last value and pace, low and high half; the high one is 65536 until there is a value.
_LO = const(0)
_HI = const(1)
_USE = const(2)  # 1: the residuals of the two channels before are used
_D1 = const(3)  # last difference
_EMA = const(4)  # 16 * (moving average - last value)
_BEST = const(5)  # predictor in use: 0 last value, 1 last slope, 2 moving average, 3 half the slope
_E0 = const(6)  # running cost of each
_E1 = const(7)
_E2 = const(8)
_E3 = const(9)
_FAST = const(10)  # 16 * mean |residual|, over about 4 and about 8 records
_SLOW = const(11)
_W1 = const(12)  # weights (4096 = 1) of the residuals of the channels one and two before
_W2 = const(13)
_GATE = const(14)  # 16 * mean change of |residual| by those weights
_R1 = const(15)  # low halves of the recent distinct values before the last
_R2 = const(16)
_R3 = const(17)
_HIT = const(18)  # 64 * bits that those recent values would have saved, on average
_STEPS = const(19)  # their place among the probabilities
_PACE = const(20)  # 1: there is one, in two halves
_PACE_LO = const(21)
_PACE_HI = const(22)
_LEAP = const(23)  # high half of the last leap
_STRIDE = const(24)

# The probability array: 2 trends * 15 scales * 16 steps of the bucket, 2 of the record head, a
# table of logarithms, and 4 steps of the recent values for each block.
_HEAD = const(480)
_LOG = const(482)
_RECENT = const(738)

# The ring's state: what lies where in the array that is its whole (tirta_node/storage/ring.py), in
# words.
_WIDTH = const(0)  # halves of a record
_ROOM = const(1)  # records that it holds at most
_FIRST = const(2)  # place of the oldest
_USED = const(3)
_NEXT = const(4)  # slot of the next record, if none is left out
_RING_CHANNELS = const(5)
_SUM_LOW = const(6)  # what `add_up` found
_SUM_HIGH = const(7)
_FLAGS_AT = const(8)
_SLOTS_AT = const(9)
_RECORDS_AT = const(10)
_VALUES_AT = const(11)

_BIAS = const(1 << 28)
_TOP = const(1 << 29)  # one past the largest low
_BOTTOM = const(1 << 21)  # the range is kept at or above
_MISSING = const(9)


@micropython.viper
def reset(st: ptr32, prior: ptr8, channels: int):
    """The state at the start of every page; `prior` holds the bucket probabilities, 1/256."""
    pr = ptr16(int(st) + 4 * st[_PROBS])
    st[_CHANNELS] = channels
    st[_RECORDS] = 0
    st[_GAPS] = 0
    i = _FLAGS
    while i < _PROBS:
        st[i] = 4369  # 1, good, four times
        i += 1
    x = 0
    while x <= channels:
        s = ptr32(int(st) + 4 * (_BLOCKS + x * _STRIDE))
        i = 0
        while i < _STRIDE:
            s[i] = 0
            i += 1
        s[_D1] = _BIAS
        s[_EMA] = _BIAS
        s[_W1] = _BIAS
        s[_W2] = _BIAS
        s[_GATE] = _BIAS
        s[_FAST] = 32
        s[_SLOW] = 32
        s[_HI] = 65536
        s[_STEPS] = _RECENT + 4 * x
        s[_HIT] = 64
        x += 1
    i = 0
    while i < _HEAD:
        pr[i] = prior[i] << 8
        i += 1
    pr[_HEAD] = 1024
    pr[_HEAD + 1] = 32768
    i = 0
    while i <= channels * 4 + 3:
        pr[_RECENT + i] = 32768
        i += 1
    # Twice the binary logarithm: 2 * floor(log2(i)) plus the bit below the leading one.
    i = 2
    while i < 256:
        x = 1
        while i >> (x + 1):
            x += 1
        pr[_LOG + i] = 2 * x + ((i >> (x - 1)) & 1)
        i += 1
    pr[_LOG] = 0
    pr[_LOG + 1] = 0


@micropython.viper
def encode(base: int, p: int) -> int:
    """Code the records of the ring after the COUNT oldest ones: 1 all are in, 2 the last that was
    taken ends the chunk, 0 the page is full without the next.
    """
    s = ptr32(0)
    ring = ptr32(base)
    st = ptr32(p)
    out = ptr8(int(st) + 4 * st[_OUT])
    pr = ptr16(int(st) + 4 * st[_PROBS])
    records = ptr16(int(ring) + 4 * ring[_RECORDS_AT])
    channels = st[_CHANNELS]
    width = ring[_WIDTH]
    end = ring[_ROOM] * width
    done = 1
    low = st[_LOW]
    rng = st[_RANGE]
    pos = st[_POS]
    off = (ring[_FIRST] + st[_COUNT]) * width
    while done == 1 and st[_COUNT] < ring[_USED]:
        if off >= end:
            off -= end
        turn = st[_RECORDS]
        st[_RECORDS] = turn + 1
        flags = off + 2 + channels + channels
        words = (channels + 3) >> 2
        word = words  # the next word of flags to write
        # The head of a record: 0 regular, 1 slip, 2 flags and slip.
        j = 0
        if records[off] + records[off + 1]:
            j = 1
        i = 0
        while i < words:
            if records[flags + i] != st[_FLAGS + i]:
                j = 2
            i += 1
        slip = j
        if j == 2:
            word = 0
            st[_GAPS] = 0
            i = 0
            while i < channels:
                if (records[flags + (i >> 2)] >> ((i & 3) << 2)) & 15 == _MISSING:
                    st[_GAPS] = 1
                i += 1
        gaps = st[_GAPS]
        s = ptr32(int(st) + 4 * _BLOCKS)
        o = off
        e1 = 0  # residuals and scales of the two channels before
        e2 = 0
        q1 = 0
        q2 = 0
        # An emission: steps 1 (go on) from base to stop, 0 at stop if `zero`; raw bits; what then.
        base = _HEAD
        stop = base + j
        zero = 1
        if j == 2:
            zero = 0
        bits = 0
        raw = 0
        # 1: the steps of the bucket after those of the recent values; more: then >> 1 bits of
        # `high`.
        then = 0
        high = 0
        base2 = 0
        stop2 = 0
        zero2 = 0
        bits2 = 0
        then2 = 0
        while 1:
            while 1:
                if base < stop:
                    p = pr[base]
                    rng = (rng >> 12) * (p >> 4)
                    pr[base] = p + ((65535 - p) >> 6)
                    base += 1
                elif zero:
                    zero = 0
                    p = pr[base]
                    bound = (rng >> 12) * (p >> 4)
                    low += bound
                    rng -= bound
                    pr[base] = p - (p >> 6)
                elif bits:
                    if bits > 10:
                        bits -= 10
                        rng >>= 10
                        low += rng * (raw >> bits)
                        raw &= (1 << bits) - 1
                    else:
                        rng >>= bits
                        low += rng * raw
                        bits = 0
                elif then:
                    if then == 1:
                        base = base2
                        stop = stop2
                        zero = zero2
                        bits = bits2
                        then = then2
                    else:
                        bits = then >> 1
                        raw = high
                        then = 0
                else:
                    break
                while rng < _BOTTOM:
                    if low >= _TOP:
                        low -= _TOP
                        p = pos - 1
                        while out[p] == 255:
                            out[p] = 0
                            p -= 1
                        out[p] += 1
                    out[pos] = low >> 21
                    pos += 1
                    low = (low & (_BOTTOM - 1)) << 8
                    rng <<= 8
            # What is next: a word of flags, the slip, the next channel that has a value.
            if slip:
                if word < words:
                    raw = records[flags + word]
                    bits = 16
                    st[_FLAGS + word] = raw
                    word += 1
                    continue
                slip = 0
            else:
                o += 2
                if o == flags:
                    break
                s = ptr32(int(s) + 4 * _STRIDE)
                turn += 1
                if gaps:
                    c = (o - off - 2) >> 1
                    if (records[flags + (c >> 2)] >> ((c & 3) << 2)) & 15 == _MISSING:
                        e2 = e1
                        q2 = q1
                        e1 = 0
                        continue
            # Scale: q is twice log2(16 * mean |residual|), the bucket width 2**k.
            fast = s[_FAST]
            slow = s[_SLOW]
            q = (fast + slow) >> 1
            if q < 256:
                q = pr[_LOG + q]
            elif q < 16384:
                q = pr[_LOG + (q >> 6)] + 12
            elif q < 1048576:
                q = pr[_LOG + (q >> 12)] + 24
            else:
                q = pr[_LOG + (q >> 18)] + 36
            k = 0
            hit = 0
            base = q << 4
            if q > 8:
                hit = s[_HIT]
                if q > 10:
                    k = (q - 8) >> 1
                    base = 176 + ((q & 1) << 4)
                    if q > 12:
                        base += 32
            if fast > slow + (slow >> 1):
                base += 240
            # Distance from the last value, modulo 2**32; a far one is a jump.
            lo = records[o]
            hi = records[o + 1]
            r0 = s[_LO]
            a = s[_HI]
            s[_LO] = lo
            d = lo - r0
            far = 0
            if hi != a:
                s[_HI] = hi
                far = ((hi - a + 8) & 65535) - 8
                if a > 65535:
                    far = 65536
                if far < 8:
                    d += far << 16
            e = 0
            j = 15
            if far > 7:
                s[_D1] = _BIAS
                s[_EMA] = _BIAS
                if far < 65536 and st[_PACES]:
                    # Two leaps that are nearly the same set a pace.
                    p = d + s[_PACE_LO]
                    m = (hi - a + s[_PACE_HI] + (p >> 16)) & 65535
                    p &= 65535
                    s[_PACE] = 0
                    s[_PACE_LO] = 0
                    s[_PACE_HI] = 0
                    if ((m - s[_LEAP] + 8) & 65535) < 16:
                        s[_PACE] = 1
                        s[_PACE_LO] = p
                        s[_PACE_HI] = m
                        p += lo
                        s[_LO] = p & 65535
                        s[_HI] = (hi + m + (p >> 16)) & 65535
                    s[_LEAP] = m
            else:
                ema = s[_EMA] - _BIAS
                e = d
                p = s[_BEST]
                if p:
                    if p == 2:
                        e -= (ema + 8) >> 4
                    elif p == 1:
                        e -= s[_D1] - _BIAS
                    else:
                        e -= (s[_D1] - _BIAS) >> 1
                g = turn & 3
                if g == 2:
                    # Do the residuals of the two channels before tell something of this one?
                    w1 = s[_W1] - _BIAS
                    w2 = s[_W2] - _BIAS
                    p = e - ((w1 * e1 + w2 * e2 + 2048) >> 12)
                    if p:
                        if e1:
                            a = (q - q1 + 20) >> 1
                            if a < 0:
                                a = 0
                            elif a > 14:
                                a = 14
                            a = 1 << a
                            if (p ^ e1) < 0:
                                a = -a
                            w1 += a
                            if (w1 + 32768) >> 16 == 0:
                                s[_W1] = w1 + _BIAS
                        if e2:
                            a = (q - q2 + 20) >> 1
                            if a < 0:
                                a = 0
                            elif a > 14:
                                a = 14
                            a = 1 << a
                            if (p ^ e2) < 0:
                                a = -a
                            w2 += a
                            if (w2 + 32768) >> 16 == 0:
                                s[_W2] = w2 + _BIAS
                    a = p
                    if a < 0:
                        a = -a
                    if e < 0:
                        a += e
                    else:
                        a -= e
                    if a > 4096:
                        a = 4096
                    elif a < -4096:
                        a = -4096
                    high = s[_GATE] - _BIAS
                    s[_GATE] = high + (((a << 4) - high) >> 4) + _BIAS
                    s[_USE] = 0
                    if high + (fast >> 1) < 0:
                        s[_USE] = 1
                        e = p
                else:
                    if s[_USE]:
                        e -= ((s[_W1] - _BIAS) * e1 + (s[_W2] - _BIAS) * e2 + 2048) >> 12
                    if g == 0:
                        # The predictor that did best lately.
                        m = 0
                        a = d
                        if a < 0:
                            a = -a
                        p = s[_E0]
                        best = p + (a << 4) - (p >> 4)
                        s[_E0] = best
                        a = d - s[_D1] + _BIAS
                        if a < 0:
                            a = -a
                        p = s[_E1]
                        p += (a << 4) - (p >> 4)
                        s[_E1] = p
                        if p < best:
                            best = p
                            m = 1
                        a = d - ((ema + 8) >> 4)
                        if a < 0:
                            a = -a
                        p = s[_E2]
                        p += (a << 4) - (p >> 4)
                        s[_E2] = p
                        if p < best:
                            best = p
                            m = 2
                        a = d - ((s[_D1] - _BIAS) >> 1)
                        if a < 0:
                            a = -a
                        p = s[_E3]
                        p += (a << 4) - (p >> 4)
                        s[_E3] = p
                        if p < best:
                            m = 3
                        s[_BEST] = m
                s[_D1] = d + _BIAS
                ema -= d << 4
                s[_EMA] = ema - (ema >> 2) + _BIAS
                # Bucket widths 1, 1, 1, 2, 4, 8 ... times 2**k; the place in the bucket, then
                # the sign.
                a = e
                if a < 0:
                    a = -a
                j = a >> k
                bits = k
                if j > 2:
                    p = j - 1
                    j = 2
                    while p > 1:
                        p >>= 1
                        j += 1
                    bits += j - 1
                    raw = a - (((1 << (j - 2)) + 1) << k)
                    raw += raw
                    if e < 0:
                        raw += 1
                elif j:
                    bits += 1
                    raw = a - (j << k)
                    raw += raw
                    if e < 0:
                        raw += 1
                else:
                    raw = a
                    if a:
                        then = 2
                        high = 0
                        if e < 0:
                            high = 1
                a <<= 4
                s[_FAST] = fast + ((a - fast) >> 2)
                s[_SLOW] = slow + ((a - slow) >> 3)
                if s[_PACE]:
                    p = s[_PACE_LO] + (d >> 4)
                    m = (s[_PACE_HI] + (p >> 16)) & 65535
                    p &= 65535
                    s[_PACE_LO] = p
                    s[_PACE_HI] = m
                    p += lo
                    s[_LO] = p & 65535
                    s[_HI] = (hi + m + (p >> 16)) & 65535
            stop = base + j
            zero = 1
            if j > 14:
                # The value itself, after 15 steps unless it is the first: one bit, then 16 or 32.
                stop = base + 15
                zero = 0
                if far > 65535:
                    stop = base
                raw = lo
                bits = 17
                then = 0
                if (hi + (lo >> 15)) & 65535:
                    raw += 65536
                    then = 32
                    high = hi
            if hit > 31:
                # Recent values: which of them is it, and how much would that have saved?
                p = 4
                if far < 8:
                    a = 0
                    if d:
                        a = s[_R1]
                        s[_R1] = r0
                        if a == lo:
                            p = 1
                        else:
                            m = s[_R2]
                            s[_R2] = a
                            if m == lo:
                                p = 2
                            else:
                                if s[_R3] == lo:
                                    p = 3
                                s[_R3] = m
                        if (d + 32768) >> 16:
                            p = 4
                        a = 0
                    else:
                        p = 0
                    if p < 4:
                        a = (q - 8) << 5
                    if g == 0:
                        s[_HIT] = hit + ((a - hit) >> 4)
                if hit > 64:
                    if p < 4:
                        bits = 0
                        then = 0
                    else:
                        base2 = base
                        stop2 = stop
                        zero2 = zero
                        bits2 = bits
                        then2 = then
                        bits = 0
                        then = 1
                    base = s[_STEPS]
                    stop = base + p
                    zero = 1
                    if p > 3:
                        zero = 0
            e2 = e1
            q2 = q1
            q1 = q
            e1 = e
            if (e + 8192) >> 14:
                e1 = 0
        off += width
        done = 0
        if pos < st[_LIMIT]:
            i = st[_COUNT] + 1
            st[_COUNT] = i
            done = 1
            if pos >= st[_SOFT] or i >= st[_MOST]:
                done = 2
    st[_LOW] = low
    st[_RANGE] = rng
    st[_POS] = pos
    return done


@micropython.viper
def push(i: int, value: int):
    """Take `values` and `flags` as the record of `slot`, packed as `encode` takes it: slip, values,
    flags, four a half. A full ring takes none.
    """
    s = ptr32(0)
    ring = ptr32(i)
    slot = int(value)
    records = ptr16(int(ring) + 4 * ring[_RECORDS_AT])
    slots = ptr32(int(ring) + 4 * ring[_SLOTS_AT])
    values = ptr32(int(ring) + 4 * _VALUES_AT)
    fours = ptr32(int(ring) + 4 * ring[_FLAGS_AT])
    place = ring[_USED]
    end = ring[_ROOM]
    if place >= end:
        return
    # From here on the tick has the same, for a call would cost it as much as three channels.
    ring[_USED] = place + 1
    place += ring[_FIRST]
    if place >= end:
        place -= end
    slots[place] = slot
    o = place * ring[_WIDTH]
    value = slot - ring[_NEXT]
    ring[_NEXT] = slot + 1
    # A value's halves are a word of a record, which begins at one, and so do four flags. Words go
    # four a turn, at places that do not change: a quarter of the instructions.
    s = ptr32(int(records) + 2 * o)
    s[0] = value
    end = ring[_RING_CHANNELS]
    i = end
    while i > 3:
        s[1] = values[0]
        s[2] = values[1]
        s[3] = values[2]
        s[4] = values[3]
        s = ptr32(int(s) + 16)
        values = ptr32(int(values) + 16)
        i -= 4
    while i:
        s[i] = values[i - 1]
        i -= 1
    o += 2 * end + 2
    records = ptr16(int(records) + 2 * o)
    while end > 0:
        value = fours[0]
        value = (value | value >> 4) & 0xFF00FF
        records[0] = value | value >> 8
        fours = ptr32(int(fours) + 4)
        records = ptr16(int(records) + 2)
        end -= 4


@micropython.viper
def add_up(ring: ptr32, n: int, channel: int):
    """Leave the sum of a channel over the `n` oldest records in SUM_LOW and SUM_HIGH: its halves
    are summed apart.
    """
    records = ptr16(int(ring) + 4 * ring[_RECORDS_AT])
    width = ring[_WIDTH]
    end = ring[_ROOM] * width
    off = ring[_FIRST] * width
    flag = 2 + 2 * ring[_RING_CHANNELS] + (channel >> 2)
    shift = (channel & 3) << 2
    o = 2 + 2 * channel
    low = 0
    high = 0
    while n:
        if (records[off + flag] >> shift) & 15 != _MISSING:
            low += records[off + o]
            high += ((records[off + o + 1] + 32768) & 65535) - 32768
        off += width
        if off == end:
            off = 0
        n -= 1
    ring[_SUM_LOW] = low
    ring[_SUM_HIGH] = high


@micropython.viper
def alone(ring: ptr32, to: ptr8, i: int, at: int, number_low: int, number_high: int) -> int:
    """Write the i-th oldest record of the ring as a plain one that begins anew (FORMAT.md 4), its
    number (in halves) and slot before it, at `to[at:]`; the index behind it.
    """
    records = ptr16(int(ring) + 4 * ring[_RECORDS_AT])
    slots = ptr32(int(ring) + 4 * ring[_SLOTS_AT])
    place = ring[_FIRST] + i
    if place >= ring[_ROOM]:
        place -= ring[_ROOM]
    channels = ring[_RING_CHANNELS]
    i = place * ring[_WIDTH] + 2
    end = i + 2 * channels
    low = number_low
    high = number_high
    c = 0
    while c < 2:
        while high or low > 127:
            to[at] = low & 127 | 128
            at += 1
            low = low >> 7 | (high & 127) << 9
            high >>= 7
        to[at] = low
        at += 1
        low = slots[place] & 65535
        high = (slots[place] >> 16) & 65535
        c += 1
    # Flags, unless all are good.
    to[at] = 0
    c = 0
    while c < channels:
        if (records[end + (c >> 2)] >> ((c & 3) << 2)) & 15 != 1:
            to[at] = 2
        c += 1
    at += 1
    if to[at - 1]:
        c = 0
        while c < channels:
            low = (records[end + (c >> 2)] >> ((c & 3) << 2)) & 15
            if c & 1:
                to[at - 1] = to[at - 1] | low << 4
            else:
                to[at] = low
                at += 1
            c += 1
    c = 0
    while c < channels:
        if (records[end + (c >> 2)] >> ((c & 3) << 2)) & 15 != _MISSING:
            low = records[i]
            high = records[i + 1]
            if high >> 15:
                low = (low ^ 65535) << 1 | 1
                high = (high ^ 65535) << 1 | low >> 16
            else:
                low <<= 1
                high = high << 1 | low >> 16
            low &= 65535
            while high or low > 127:
                to[at] = low & 127 | 128
                at += 1
                low = low >> 7 | (high & 127) << 9
                high >>= 7
            to[at] = low
            at += 1
        i += 2
        c += 1
    return at


@micropython.viper
def stuff(to: ptr8, place: ptr16, src: ptr8, start: int, end: int):
    """As tirta_format/cobs.py, which is for who has no viper: append `src[start:end]`; what is not
    sent moves to the front of `to`. Up to one byte in 254 more than that is written: the caller has
    made room. `place` says what lies in `to`: what is not sent begins here; the *open block*, whose
    code byte is known at its end, begins here; the next byte goes here.
    """
    sent = place[0]
    block = place[1] - sent
    at = 0
    n = place[2] - sent
    if sent != 0:
        while at < n:
            to[at] = to[at + sent]
            at += 1
    at = n
    i = start
    while i < end:
        if at - block == 255:
            to[block] = 255  # 254 bytes without a zero, and none implied behind them
            block = at
            at += 1
        byte = src[i]
        if byte == 0:
            to[block] = at - block
            block = at
            at += 1
        else:
            to[at] = byte
            at += 1
        i += 1
    place[0] = 0
    place[1] = block
    place[2] = at


@micropython.viper
def crc32(low: int, high: int, table: ptr16, buf: ptr8, start: int, end: int):
    """Write the CRC-32 of buf[start:end] into buf[end:end + 4], low byte first.

    `low` and `high` are the halves to go on from: 65535 to begin, or those of a finished CRC, each
    XOR 65535. `table` is that of tirta_format/crc.py.
    """
    while start < end:
        low ^= buf[start]
        i = low & 15
        low = (low >> 4) ^ ((high & 15) << 12) ^ table[i]
        high = (high >> 4) ^ table[16 + i]
        i = low & 15
        low = (low >> 4) ^ ((high & 15) << 12) ^ table[i]
        high = (high >> 4) ^ table[16 + i]
        start += 1
    low ^= 65535
    high ^= 65535
    buf[end] = low & 255
    buf[end + 1] = low >> 8
    buf[end + 2] = high & 255
    buf[end + 3] = high >> 8
