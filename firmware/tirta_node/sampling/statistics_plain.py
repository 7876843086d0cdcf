# SPDX-License-Identifier: MIT
"""Statistics of the samples in a record, in plain Python: the source of statistics_viper.py, and
its twin where there is no viper.

An *account* gathers the samples of one channel; all stays below 2^30, so that nothing becomes an
object on the chip's heap: sums in two words, squares of distances from the first sample of the
interval (a shifted mean: else a small spread around a large value would drown), and these halved
as often as they need to fit into 15 bits. Source of the shift: Chan, Golub and LeVeque 1983,
Algorithms for computing the sample variance.
"""

# Of an account.
_CELL = 0
_N = 1
_LATEST = 2  # sample, whatever its flag
_LATEST_FLAG = 3
_LAST = 4  # what follows is of samples with flags 1 to 3
_LEAST = 5
_GREATEST = 6
_HIGH = 7  # sum of the samples: 65536 * high + low
_LOW = 8
_FIRST = 9
_SHIFT = 10
_D = 11  # sum of the distances from the first
_DD_HIGH = 12  # sum of their squares: 32768 * high + low
_DD_LOW = 13
_WORST = 14  # flag
_SUM = 15  # of increments, and their worst flag
_SUM_FLAG = 16
_NEEDS = 17  # what columns are made of it: a sum of the following
_ACCOUNT = 18
_SUMS = 1  # of increments
_ANY = 2  # of the statistics
_MEANS = 4
_ENDS = 8  # least and greatest
_SPREADS = 16
_MOST = 16384  # samples
_FRONT = 2  # words before the accounts: how many, and how many columns
# A column: its cell in the record, and places behind the accounts' beginning: of the value that it
# is, of its flag, and of its account; and what is to be done with it.
_TO = 0
_VALUE_AT = 1
_FLAG_AT = 2
_OF = 3
_WHAT = 4
_COLUMN = 5
_IS_MEAN = 1
_IS_STD = 2
_IS_COUNT = 3
_SMALL = 4096  # a sum whose high word is below fits into one
# The ring's, as in tirta_format/codec.py; of a Bench, where its accounts begin.
_FLAGS_AT = 8
_ACC_AT = 9
_VALUES_AT = 11


def signed(word):
    """What may be negative: a viper pointer takes words without their sign where these are 64 bits
    wide.
    """
    return word


def add(ring, values, flags, acc, slot):
    """Take the samples in the cells into their accounts."""
    a = _FRONT
    n = acc[0]
    while n:
        flag = flags[acc[a + _CELL]]
        acc[a + _LATEST_FLAG] = flag
        if flag < 9:
            x = signed(values[acc[a + _CELL]])
            acc[a + _LATEST] = x
            needs = acc[a + _NEEDS]
            if needs & _SUMS:
                acc[a + _SUM] += x
                if flag > acc[a + _SUM_FLAG]:
                    acc[a + _SUM_FLAG] = flag
            if needs > _SUMS and flag < 4 and acc[a + _N] < _MOST:
                acc[a + _LAST] = x
                if flag > acc[a + _WORST]:
                    acc[a + _WORST] = flag
                if needs & _MEANS:
                    acc[a + _HIGH] += x >> 16
                    acc[a + _LOW] += x & 65535
                if acc[a + _N] == 0:
                    acc[a + _FIRST] = x
                    acc[a + _LEAST] = x
                    acc[a + _GREATEST] = x
                elif needs & _ENDS:
                    if x < signed(acc[a + _LEAST]):
                        acc[a + _LEAST] = x
                    if x > signed(acc[a + _GREATEST]):
                        acc[a + _GREATEST] = x
                acc[a + _N] += 1
                if needs & _SPREADS:
                    d = (x - signed(acc[a + _FIRST])) >> acc[a + _SHIFT]
                    while d > 32767 or d < -32767:
                        d >>= 1
                        acc[a + _SHIFT] += 1
                        acc[a + _D] = signed(acc[a + _D]) >> 1
                        high = acc[a + _DD_HIGH] + (acc[a + _DD_LOW] >> 15)
                        acc[a + _DD_LOW] = ((high & 3) << 13) + ((acc[a + _DD_LOW] & 32767) >> 2)
                        acc[a + _DD_HIGH] = high >> 2
                    acc[a + _D] += d
                    acc[a + _DD_HIGH] += d * d >> 15
                    acc[a + _DD_LOW] += d * d & 32767
        a += _ACCOUNT
        n -= 1


def close(ring, acc, to, out_values, out_flags, kept):
    """Put the columns of the accounts into a record, and begin anew; `kept` sums go on (the record
    was refused).
    """
    c = _FRONT + acc[0] * _ACCOUNT
    k = acc[1]
    while k:
        x = acc[acc[c + _VALUE_AT]]
        flag = acc[acc[c + _FLAG_AT]]
        if acc[c + _WHAT]:
            a = acc[c + _OF]
            n = acc[a + _N]
            if acc[c + _WHAT] == _IS_COUNT:
                x = n
                flag = 1
            elif n > 0 and acc[c + _WHAT] == _IS_MEAN:
                high = signed(acc[a + _HIGH])
                low = acc[a + _LOW]
                if high < _SMALL and high > -_SMALL and low < _SMALL << 16:
                    x = ((high << 16) + low + (n >> 1)) // n
                else:
                    x = ((high % n) << 16) + low % n + (n >> 1)
                    x = ((high // n) << 16) + low // n + x // n
            elif n > 0:
                # n * variance = squares - m * (d + r) - r * r / n, where d = m * n + r
                d = signed(acc[a + _D])
                r = d % n
                m = d // n
                high = acc[a + _DD_HIGH] + (acc[a + _DD_LOW] >> 15)
                low = ((high % n) << 15) + (acc[a + _DD_LOW] & 32767)
                rest = low % n - 2 * m * r - r * r // n
                x = ((high // n) << 15) + low // n - m * m + rest // n
                rest = rest % n
                shift = acc[a + _SHIFT]
                fine = 0
                if shift == 0 and x < 1 << 24:  # small: quarters, so that rounding is right
                    x = (x << 4) + (rest << 4) // n
                    fine = 2
                root = 0
                bit = 1 << 28
                while bit > 0:
                    if x >= root + bit:
                        x -= root + bit
                        root = (root >> 1) + bit
                    else:
                        root >>= 1
                    bit >>= 2
                if fine > 0:
                    x = (root + 2) >> fine
                else:
                    if x > root:
                        root += 1
                    x = root << shift
        out_values[acc[c + _TO]] = x
        if flag == 0:
            flag = 9
        out_flags[acc[c + _TO]] = flag
        c += _COLUMN
        k -= 1
    a = _FRONT
    k = acc[0]
    while k:
        acc[a + _N] = 0
        acc[a + _LATEST_FLAG] = 9
        acc[a + _LAST] = 0
        acc[a + _LEAST] = 0
        acc[a + _GREATEST] = 0
        acc[a + _WORST] = 0
        acc[a + _HIGH] = 0
        acc[a + _LOW] = 0
        if acc[a + _NEEDS] & _SPREADS:
            acc[a + _FIRST] = 0
            acc[a + _SHIFT] = 0
            acc[a + _D] = 0
            acc[a + _DD_HIGH] = 0
            acc[a + _DD_LOW] = 0
        if kept == 0:
            acc[a + _SUM] = 0
            acc[a + _SUM_FLAG] = 0
        a += _ACCOUNT
        k -= 1
