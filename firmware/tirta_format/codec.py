# SPDX-License-Identifier: MIT
"""Record encoder (FORMAT.md 4b): predict each value from its past, code what is left with an
adaptive range coder.

Words: a *record* is a row of 16-bit halves (slip, values, flags); a *page* starts with fresh models
(`reset`); a *run* starts with a fresh range coder and keeps the models. Signed state is stored plus
BIAS and nothing here exceeds 30 bits, a value being handled as two halves, so that a 32-bit
MicroPython makes no heap object of anything.

This is the *twin* of tirta_node/storage/codec_viper.py, which host_tools/make_kernels.py makes from
it line for line. `encode` is one long function because viper keeps only the locals of one in
registers, and a call between two costs as much as a tenth of a value.
"""

# The state array: the coder, then a block for the slip and one for each channel.
_LOW = 0
_RANGE = 1
_POS = 2  # bytes written
_LIMIT = 3  # a record that ends here or later does not fit
_CHANNELS = 4
_RECORDS = 5  # of this page so far
_GAPS = 6  # 1 if a flag says missing
_FLAGS = 7  # four flags a word, eight words
_PROBS = 15  # where the probabilities and the output lie, in words, for the kernel
_OUT = 16
_COUNT = 17  # records in this chunk; the chunk is to be finished at MOST records or SOFT bytes
_MOST = 18
_SOFT = 19
_PACES = 20  # 1: values may have a pace; pages of version 1 know none
_BLOCKS = 21
# A block.
_LO = 0  # last value and pace, low and high half; the high one is 65536 until there is a value
_HI = 1
_USE = 2  # 1: the residuals of the two channels before are used
_D1 = 3  # last difference
_EMA = 4  # 16 * (moving average - last value)
_BEST = 5  # predictor in use: 0 last value, 1 last slope, 2 moving average, 3 half the slope
_E0 = 6  # running cost of each
_E1 = 7
_E2 = 8
_E3 = 9
_FAST = 10  # 16 * mean |residual|, over about 4 and about 8 records
_SLOW = 11
_W1 = 12  # weights (4096 = 1) of the residuals of the channels one and two before
_W2 = 13
_GATE = 14  # 16 * mean change of |residual| by those weights
_R1 = 15  # low halves of the recent distinct values before the last
_R2 = 16
_R3 = 17
_HIT = 18  # 64 * bits that those recent values would have saved, on average
_STEPS = 19  # their place among the probabilities
_PACE = 20  # 1: there is one, in two halves
_PACE_LO = 21
_PACE_HI = 22
_LEAP = 23  # high half of the last leap
_STRIDE = 24

# The probability array: 2 trends * 15 scales * 16 steps of the bucket, 2 of the record head, a
# table of logarithms, and 4 steps of the recent values for each block.
_HEAD = 480
_LOG = 482
_RECENT = 738

# The ring's state: what lies where in the array that is its whole (tirta_node/storage/ring.py), in
# words.
_WIDTH = 0  # halves of a record
_ROOM = 1  # records that it holds at most
_FIRST = 2  # place of the oldest
_USED = 3
_NEXT = 4  # slot of the next record, if none is left out
_RING_CHANNELS = 5
_SUM_LOW = 6  # what `add_up` found
_SUM_HIGH = 7
_FLAGS_AT = 8
_SLOTS_AT = 9
_RECORDS_AT = 10
_VALUES_AT = 11

_BIAS = 1 << 28
_TOP = 1 << 29  # one past the largest low
_BOTTOM = 1 << 21  # the range is kept at or above
_MISSING = 9


def reset(st, pr, prior, channels):
    """The state at the start of every page; `prior` holds the bucket probabilities, 1/256."""
    st[_CHANNELS] = channels
    st[_RECORDS] = 0
    st[_GAPS] = 0
    i = _FLAGS
    while i < _PROBS:
        st[i] = 4369  # 1, good, four times
        i += 1
    x = 0
    while x <= channels:
        b = _BLOCKS + x * _STRIDE
        i = 0
        while i < _STRIDE:
            st[b + i] = 0
            i += 1
        st[b + _D1] = _BIAS
        st[b + _EMA] = _BIAS
        st[b + _W1] = _BIAS
        st[b + _W2] = _BIAS
        st[b + _GATE] = _BIAS
        st[b + _FAST] = 32
        st[b + _SLOW] = 32
        st[b + _HI] = 65536
        st[b + _STEPS] = _RECENT + 4 * x
        st[b + _HIT] = 64
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


def encode(ring, records, st, pr, out):  # noqa: PLR0912, PLR0915 - one function, see above
    """Code the records of the ring after the COUNT oldest ones: 1 all are in, 2 the last that was
    taken ends the chunk, 0 the page is full without the next.
    """
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
        b = _BLOCKS
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
                b += _STRIDE
                turn += 1
                if gaps:
                    c = (o - off - 2) >> 1
                    if (records[flags + (c >> 2)] >> ((c & 3) << 2)) & 15 == _MISSING:
                        e2 = e1
                        q2 = q1
                        e1 = 0
                        continue
            # Scale: q is twice log2(16 * mean |residual|), the bucket width 2**k.
            fast = st[b + _FAST]
            slow = st[b + _SLOW]
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
                hit = st[b + _HIT]
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
            r0 = st[b + _LO]
            a = st[b + _HI]
            st[b + _LO] = lo
            d = lo - r0
            far = 0
            if hi != a:
                st[b + _HI] = hi
                far = ((hi - a + 8) & 65535) - 8
                if a > 65535:
                    far = 65536
                if far < 8:
                    d += far << 16
            e = 0
            j = 15
            if far > 7:
                st[b + _D1] = _BIAS
                st[b + _EMA] = _BIAS
                if far < 65536 and st[_PACES]:
                    # Two leaps that are nearly the same set a pace.
                    p = d + st[b + _PACE_LO]
                    m = (hi - a + st[b + _PACE_HI] + (p >> 16)) & 65535
                    p &= 65535
                    st[b + _PACE] = 0
                    st[b + _PACE_LO] = 0
                    st[b + _PACE_HI] = 0
                    if ((m - st[b + _LEAP] + 8) & 65535) < 16:
                        st[b + _PACE] = 1
                        st[b + _PACE_LO] = p
                        st[b + _PACE_HI] = m
                        p += lo
                        st[b + _LO] = p & 65535
                        st[b + _HI] = (hi + m + (p >> 16)) & 65535
                    st[b + _LEAP] = m
            else:
                ema = st[b + _EMA] - _BIAS
                e = d
                p = st[b + _BEST]
                if p:
                    if p == 2:
                        e -= (ema + 8) >> 4
                    elif p == 1:
                        e -= st[b + _D1] - _BIAS
                    else:
                        e -= (st[b + _D1] - _BIAS) >> 1
                g = turn & 3
                if g == 2:
                    # Do the residuals of the two channels before tell something of this one?
                    w1 = st[b + _W1] - _BIAS
                    w2 = st[b + _W2] - _BIAS
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
                                st[b + _W1] = w1 + _BIAS
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
                                st[b + _W2] = w2 + _BIAS
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
                    high = st[b + _GATE] - _BIAS
                    st[b + _GATE] = high + (((a << 4) - high) >> 4) + _BIAS
                    st[b + _USE] = 0
                    if high + (fast >> 1) < 0:
                        st[b + _USE] = 1
                        e = p
                else:
                    if st[b + _USE]:
                        e -= ((st[b + _W1] - _BIAS) * e1 + (st[b + _W2] - _BIAS) * e2 + 2048) >> 12
                    if g == 0:
                        # The predictor that did best lately.
                        m = 0
                        a = d
                        if a < 0:
                            a = -a
                        p = st[b + _E0]
                        best = p + (a << 4) - (p >> 4)
                        st[b + _E0] = best
                        a = d - st[b + _D1] + _BIAS
                        if a < 0:
                            a = -a
                        p = st[b + _E1]
                        p += (a << 4) - (p >> 4)
                        st[b + _E1] = p
                        if p < best:
                            best = p
                            m = 1
                        a = d - ((ema + 8) >> 4)
                        if a < 0:
                            a = -a
                        p = st[b + _E2]
                        p += (a << 4) - (p >> 4)
                        st[b + _E2] = p
                        if p < best:
                            best = p
                            m = 2
                        a = d - ((st[b + _D1] - _BIAS) >> 1)
                        if a < 0:
                            a = -a
                        p = st[b + _E3]
                        p += (a << 4) - (p >> 4)
                        st[b + _E3] = p
                        if p < best:
                            m = 3
                        st[b + _BEST] = m
                st[b + _D1] = d + _BIAS
                ema -= d << 4
                st[b + _EMA] = ema - (ema >> 2) + _BIAS
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
                st[b + _FAST] = fast + ((a - fast) >> 2)
                st[b + _SLOW] = slow + ((a - slow) >> 3)
                if st[b + _PACE]:
                    p = st[b + _PACE_LO] + (d >> 4)
                    m = (st[b + _PACE_HI] + (p >> 16)) & 65535
                    p &= 65535
                    st[b + _PACE_LO] = p
                    st[b + _PACE_HI] = m
                    p += lo
                    st[b + _LO] = p & 65535
                    st[b + _HI] = (hi + m + (p >> 16)) & 65535
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
                        a = st[b + _R1]
                        st[b + _R1] = r0
                        if a == lo:
                            p = 1
                        else:
                            m = st[b + _R2]
                            st[b + _R2] = a
                            if m == lo:
                                p = 2
                            else:
                                if st[b + _R3] == lo:
                                    p = 3
                                st[b + _R3] = m
                        if (d + 32768) >> 16:
                            p = 4
                        a = 0
                    else:
                        p = 0
                    if p < 4:
                        a = (q - 8) << 5
                    if g == 0:
                        st[b + _HIT] = hit + ((a - hit) >> 4)
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
                    base = st[b + _STEPS]
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


def push(ring, values, flags, slots, records, slot):
    """Take `values` and `flags` as the record of `slot`, packed as `encode` takes it: slip, values,
    flags, four a half. A full ring takes none.
    """
    place = ring[_USED]
    end = ring[_ROOM]
    if place >= end:
        return
    ring[_USED] = place + 1
    place += ring[_FIRST]
    if place >= end:
        place -= end
    slots[place] = slot
    o = place * ring[_WIDTH]
    value = slot - ring[_NEXT]
    ring[_NEXT] = slot + 1
    records[o] = value & 65535
    records[o + 1] = (value >> 16) & 65535
    i = 0
    end = ring[_RING_CHANNELS]
    while i < end:
        value = values[i]
        i += 1
        records[o + 2 * i] = value & 65535
        records[o + 2 * i + 1] = (value >> 16) & 65535
    o += 2 * end + 2
    i = 0
    while i < end:
        value = flags[i] | flags[i + 1] << 4 | flags[i + 2] << 8 | flags[i + 3] << 12
        records[o] = value
        o += 1
        i += 4


def add_up(ring, records, n, channel):
    """Leave the sum of a channel over the `n` oldest records in SUM_LOW and SUM_HIGH: its halves
    are summed apart.
    """
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


def alone(ring, slots, records, to, i, at, number_low, number_high):  # noqa: PLR0912, PLR0915 - as `encode`
    """Write the i-th oldest record of the ring as a plain one that begins anew (FORMAT.md 4), its
    number (in halves) and slot before it, at `to[at:]`; the index behind it.
    """
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
