# SPDX-License-Identifier: MIT
"""Quality tests of samples, in plain Python: the source of quality_viper.py, and its twin where
there is no viper.

Gross range, spike, rate of change and flat line as in IOOS QARTOD (Manual for Real-Time Quality
Control of In-situ Temperature and Salinity Data, tests 4, 6, 7 and 8) and the Python package
ioos-qc, in integers. The flag of a sample is the worst of all tests and of its driver: 4 fail,
3 suspect, 2 not evaluated, 1 good. A spike shows only behind it, so a channel with that test is
judged one sample later.
"""

# Of a channel.
_CELL = 0
_FAIL_LOW = 1
_FAIL_HIGH = 2
_SUSPECT_LOW = 3
_SUSPECT_HIGH = 4
_RATE = 5
_LATE = 6  # 1: look for spikes, one sample late
_SPIKE_SUSPECT = 7
_SPIKE_FAIL = 8
_FLAT = 9  # tolerance
_FLAT_SUSPECT = 10
_FLAT_FAIL = 11  # and so many samples are kept; 0 = no such test
_KNOWN = 12  # samples that came without a missing one between
_X1 = 13  # the sample before, and its flag so far
_F1 = 14
_X2 = 15  # the one before that
_RUN = 16  # newest samples within the tolerance; their least and greatest
_LEAST = 17
_GREATEST = 18
_AT = 19  # where the next is kept
_KEPT = 20
_FIRST = 1  # where the first channel begins
# The ring's, as in tirta_format/codec.py; of a Bench, where its limits begin.
_FLAGS_AT = 8
_QC_AT = 10
_VALUES_AT = 11


def signed(word):
    """What may be negative: a viper pointer takes words without their sign where these are 64 bits
    wide.
    """
    return word


def judge(ring, values, flags, qc, slot):
    """Test the samples in the cells."""
    q = _FIRST
    n_left = qc[0]
    while n_left:
        c = qc[q + _CELL]
        size = qc[q + _FLAT_FAIL] + 1
        x = signed(values[c])
        flag = flags[c]
        if flag == 9:
            qc[q + _KNOWN] = 0
            qc[q + _RUN] = 0
        else:
            if x < signed(qc[q + _SUSPECT_LOW]) or x > signed(qc[q + _SUSPECT_HIGH]):
                if flag < 3:
                    flag = 3
            if x < signed(qc[q + _FAIL_LOW]) or x > signed(qc[q + _FAIL_HIGH]):
                flag = 4
            if qc[q + _KNOWN] > 0 and flag < 3:
                d = x - signed(qc[q + _X1])
                if d > qc[q + _RATE] or d < 0 - qc[q + _RATE]:
                    flag = 3
            if size > 1:
                at = q + _KEPT
                i = qc[q + _AT]
                qc[at + i] = x
                run = qc[q + _RUN]
                least = signed(qc[q + _LEAST])
                greatest = signed(qc[q + _GREATEST])
                if run == 0:
                    least = x
                    greatest = x
                if x < least:
                    least = x
                if x > greatest:
                    greatest = x
                if greatest - least < qc[q + _FLAT]:
                    run += 1
                    if run > size:
                        run = size
                else:  # look back from here for how far the samples lie within the tolerance
                    least = x
                    greatest = x
                    n = run
                    run = 1
                    if qc[q + _FLAT] <= 0:
                        n = 0
                    while n > 0 and run < size:
                        i -= 1
                        if i < 0:
                            i = size - 1
                        d = signed(qc[at + i])
                        n -= 1
                        if d > greatest:
                            if d - least >= qc[q + _FLAT]:
                                n = 0
                            else:
                                greatest = d
                                run += 1
                        elif d < least:
                            if greatest - d >= qc[q + _FLAT]:
                                n = 0
                            else:
                                least = d
                                run += 1
                        else:
                            run += 1
                qc[q + _RUN] = run
                qc[q + _LEAST] = least
                qc[q + _GREATEST] = greatest
                i = qc[q + _AT] + 1
                if i == size:
                    i = 0
                qc[q + _AT] = i
                if run > qc[q + _FLAT_SUSPECT] and flag < 3:
                    flag = 3
                if run > qc[q + _FLAT_FAIL]:
                    flag = 4
        x1 = signed(qc[q + _X1])
        f1 = qc[q + _F1]
        if qc[q + _LATE] > 0:
            if qc[q + _KNOWN] > 1 and flag < 9:
                # Half of 2 * x1 - x0 - x2, rounded up and down: the whole may not fit.
                a = x1 - x
                b = x1 - signed(qc[q + _X2])
                d = (a >> 1) + (b >> 1)
                up = d + ((a | b) & 1)
                d += a & b & 1
                if (up > qc[q + _SPIKE_SUSPECT] or d < 0 - qc[q + _SPIKE_SUSPECT]) and f1 < 3:
                    f1 = 3
                if up > qc[q + _SPIKE_FAIL] or d < 0 - qc[q + _SPIKE_FAIL]:
                    f1 = 4
            values[c] = x1
            flags[c] = f1
        else:
            flags[c] = flag
        qc[q + _X2] = x1
        qc[q + _X1] = x
        qc[q + _F1] = flag
        if flag < 9 and qc[q + _KNOWN] < 2:
            qc[q + _KNOWN] += 1
        q += _KEPT + size
        n_left -= 1
