# SPDX-License-Identifier: MIT
"""Quality tests of samples: a kernel in viper (see storage/codec_viper.py).

Gross range, spike, rate of change and flat line as in IOOS QARTOD (Manual for Real-Time Quality
Control of In-situ Temperature and Salinity Data, tests 4, 6, 7 and 8) and the Python package
ioos-qc, in integers. The flag of a sample is the worst of all tests and of its driver: 4 fail,
3 suspect, 2 not evaluated, 1 good. A spike shows only behind it, so a channel with that test is
judged one sample later.
"""

from micropython import const

# Of a channel.
_CELL = const(0)
_FAIL_LOW = const(1)
_FAIL_HIGH = const(2)
_SUSPECT_LOW = const(3)
_SUSPECT_HIGH = const(4)
_RATE = const(5)
_LATE = const(6)  # 1: look for spikes, one sample late
_SPIKE_SUSPECT = const(7)
_SPIKE_FAIL = const(8)
_FLAT = const(9)  # tolerance
_FLAT_SUSPECT = const(10)
_FLAT_FAIL = const(11)  # and so many samples are kept; 0 = no such test
_KNOWN = const(12)  # samples that came without a missing one between
_X1 = const(13)  # the sample before, and its flag so far
_F1 = const(14)
_X2 = const(15)  # the one before that
_RUN = const(16)  # newest samples within the tolerance; their least and greatest
_LEAST = const(17)
_GREATEST = const(18)
_AT = const(19)  # where the next is kept
_KEPT = const(20)
_FIRST = const(1)  # where the first channel begins
# The ring's, as in storage/codec_viper.py; of a bench, where its limits begin.
_FLAGS_AT = const(8)
_QC_AT = const(10)
_VALUES_AT = const(11)


@micropython.viper
def judge(x: int, q: ptr32):
    """Test the samples in the cells. (A step of the tick gets their slot, too; none needs it.)"""
    ring = ptr32(x)
    sign = 1 << 29
    sign <<= 2  # (word ^ sign) - sign is negative on 64 bits, too
    qc = ptr32(int(ring) + 4 * ring[_QC_AT])
    flags = ptr8(int(ring) + 4 * ring[_FLAGS_AT])
    values = ptr32(int(ring) + 4 * _VALUES_AT)
    q = ptr32(int(qc) + 4 * _FIRST)
    n_left = qc[0]
    while n_left:
        c = q[_CELL]
        size = q[_FLAT_FAIL] + 1
        x = (values[c] ^ sign) - sign
        flag = flags[c]
        if flag == 9:
            q[_KNOWN] = 0
            q[_RUN] = 0
        else:
            if x < ((q[_SUSPECT_LOW] ^ sign) - sign) or x > ((q[_SUSPECT_HIGH] ^ sign) - sign):
                if flag < 3:
                    flag = 3
            if x < ((q[_FAIL_LOW] ^ sign) - sign) or x > ((q[_FAIL_HIGH] ^ sign) - sign):
                flag = 4
            if q[_KNOWN] > 0 and flag < 3:
                d = x - ((q[_X1] ^ sign) - sign)
                if d > q[_RATE] or d < 0 - q[_RATE]:
                    flag = 3
            if size > 1:
                at = ptr32(int(q) + 4 * _KEPT)
                i = q[_AT]
                at[i] = x
                run = q[_RUN]
                least = (q[_LEAST] ^ sign) - sign
                greatest = (q[_GREATEST] ^ sign) - sign
                if run == 0:
                    least = x
                    greatest = x
                if x < least:
                    least = x
                if x > greatest:
                    greatest = x
                if greatest - least < q[_FLAT]:
                    run += 1
                    if run > size:
                        run = size
                else:  # look back from here for how far the samples lie within the tolerance
                    least = x
                    greatest = x
                    n = run
                    run = 1
                    if q[_FLAT] <= 0:
                        n = 0
                    while n > 0 and run < size:
                        i -= 1
                        if i < 0:
                            i = size - 1
                        d = (at[i] ^ sign) - sign
                        n -= 1
                        if d > greatest:
                            if d - least >= q[_FLAT]:
                                n = 0
                            else:
                                greatest = d
                                run += 1
                        elif d < least:
                            if greatest - d >= q[_FLAT]:
                                n = 0
                            else:
                                least = d
                                run += 1
                        else:
                            run += 1
                q[_RUN] = run
                q[_LEAST] = least
                q[_GREATEST] = greatest
                i = q[_AT] + 1
                if i == size:
                    i = 0
                q[_AT] = i
                if run > q[_FLAT_SUSPECT] and flag < 3:
                    flag = 3
                if run > q[_FLAT_FAIL]:
                    flag = 4
        x1 = (q[_X1] ^ sign) - sign
        f1 = q[_F1]
        if q[_LATE] > 0:
            if q[_KNOWN] > 1 and flag < 9:
                # Half of 2 * x1 - x0 - x2, rounded up and down: the whole may not fit.
                a = x1 - x
                b = x1 - ((q[_X2] ^ sign) - sign)
                d = (a >> 1) + (b >> 1)
                up = d + ((a | b) & 1)
                d += a & b & 1
                if (up > q[_SPIKE_SUSPECT] or d < 0 - q[_SPIKE_SUSPECT]) and f1 < 3:
                    f1 = 3
                if up > q[_SPIKE_FAIL] or d < 0 - q[_SPIKE_FAIL]:
                    f1 = 4
            values[c] = x1
            flags[c] = f1
        else:
            flags[c] = flag
        q[_X2] = x1
        q[_X1] = x
        q[_F1] = flag
        if flag < 9 and q[_KNOWN] < 2:
            q[_KNOWN] += 1
        q = ptr32(int(q) + 4 * (_KEPT + size))
        n_left -= 1
