# SPDX-License-Identifier: MIT
"""Statistics of the samples in a record: kernels in viper (see storage/codec_viper.py).

An *account* gathers the samples of one channel; all stays below 2^30, so that nothing becomes an
object on the chip's heap: sums in two words, squares of distances from the first sample of the
interval (a shifted mean: else a small spread around a large value would drown), and these halved
as often as they need to fit into 15 bits. Source of the shift: Chan, Golub and LeVeque 1983,
Algorithms for computing the sample variance.
"""

from micropython import const

# Of an account.
_CELL = const(0)
_N = const(1)
_LATEST = const(2)  # sample, whatever its flag
_LATEST_FLAG = const(3)
_LAST = const(4)  # what follows is of samples with flags 1 to 3
_LEAST = const(5)
_GREATEST = const(6)
_HIGH = const(7)  # sum of the samples: 65536 * high + low
_LOW = const(8)
_FIRST = const(9)
_SHIFT = const(10)
_D = const(11)  # sum of the distances from the first
_DD_HIGH = const(12)  # sum of their squares: 32768 * high + low
_DD_LOW = const(13)
_WORST = const(14)  # flag
_SUM = const(15)  # of increments, and their worst flag
_SUM_FLAG = const(16)
_NEEDS = const(17)  # what columns are made of it: a sum of the following
_ACCOUNT = const(18)
_SUMS = const(1)  # of increments
_ANY = const(2)  # of the statistics
_MEANS = const(4)
_ENDS = const(8)  # least and greatest
_SPREADS = const(16)
_MOST = const(16384)  # samples
_FRONT = const(2)  # words before the accounts: how many, and how many columns
# A column: its cell in the record, and places behind the accounts' beginning: of the value that it
# is, of its flag, and of its account; and what is to be done with it.
_TO = const(0)
_VALUE_AT = const(1)
_FLAG_AT = const(2)
_OF = const(3)
_WHAT = const(4)
_COLUMN = const(5)
_IS_MEAN = const(1)
_IS_STD = const(2)
_IS_COUNT = const(3)
_SMALL = const(4096)  # a sum whose high word is below fits into one
# The ring's, as in storage/codec_viper.py; of a bench, where its accounts begin.
_FLAGS_AT = const(8)
_ACC_AT = const(9)
_VALUES_AT = const(11)


@micropython.viper
def add(x: int, a: ptr32):
    """Take the samples in the cells into their accounts. (Nor does this need their slot.)"""
    ring = ptr32(x)
    sign = 1 << 29
    sign <<= 2  # (word ^ sign) - sign is negative on 64 bits, too
    acc = ptr32(int(ring) + 4 * ring[_ACC_AT])
    flags = ptr8(int(ring) + 4 * ring[_FLAGS_AT])
    values = ptr32(int(ring) + 4 * _VALUES_AT)
    a = ptr32(int(acc) + 4 * _FRONT)
    n = acc[0]
    while n:
        flag = flags[a[_CELL]]
        a[_LATEST_FLAG] = flag
        if flag < 9:
            x = (values[a[_CELL]] ^ sign) - sign
            a[_LATEST] = x
            needs = a[_NEEDS]
            if needs & _SUMS:
                a[_SUM] += x
                if flag > a[_SUM_FLAG]:
                    a[_SUM_FLAG] = flag
            if needs > _SUMS and flag < 4 and a[_N] < _MOST:
                a[_LAST] = x
                if flag > a[_WORST]:
                    a[_WORST] = flag
                if needs & _MEANS:
                    a[_HIGH] += x >> 16
                    a[_LOW] += x & 65535
                if a[_N] == 0:
                    a[_FIRST] = x
                    a[_LEAST] = x
                    a[_GREATEST] = x
                elif needs & _ENDS:
                    if x < ((a[_LEAST] ^ sign) - sign):
                        a[_LEAST] = x
                    if x > ((a[_GREATEST] ^ sign) - sign):
                        a[_GREATEST] = x
                a[_N] += 1
                if needs & _SPREADS:
                    d = (x - ((a[_FIRST] ^ sign) - sign)) >> a[_SHIFT]
                    while d > 32767 or d < -32767:
                        d >>= 1
                        a[_SHIFT] += 1
                        a[_D] = ((a[_D] ^ sign) - sign) >> 1
                        high = a[_DD_HIGH] + (a[_DD_LOW] >> 15)
                        a[_DD_LOW] = ((high & 3) << 13) + ((a[_DD_LOW] & 32767) >> 2)
                        a[_DD_HIGH] = high >> 2
                    a[_D] += d
                    a[_DD_HIGH] += d * d >> 15
                    a[_DD_LOW] += d * d & 32767
        a = ptr32(int(a) + 4 * _ACCOUNT)
        n -= 1


@micropython.viper
def close(c: ptr32, x: int, kept: int):
    """Put the columns of the accounts into a record, and begin anew; `kept` sums go on (the record
    was refused).
    """
    ring = ptr32(c)
    to = ptr32(x)
    sign = 1 << 29
    sign <<= 2  # (word ^ sign) - sign is negative on 64 bits, too
    out_flags = ptr8(int(to) + 4 * to[_FLAGS_AT])
    out_values = ptr32(int(to) + 4 * _VALUES_AT)
    acc = ptr32(int(ring) + 4 * ring[_ACC_AT])
    c = ptr32(int(acc) + 4 * (_FRONT + acc[0] * _ACCOUNT))
    k = acc[1]
    while k:
        x = acc[c[_VALUE_AT]]
        flag = acc[c[_FLAG_AT]]
        if c[_WHAT]:
            a = ptr32(int(acc) + 4 * c[_OF])
            n = a[_N]
            if c[_WHAT] == _IS_COUNT:
                x = n
                flag = 1
            elif n > 0 and c[_WHAT] == _IS_MEAN:
                high = (a[_HIGH] ^ sign) - sign
                low = a[_LOW]
                if high < _SMALL and high > -_SMALL and low < _SMALL << 16:
                    x = ((high << 16) + low + (n >> 1)) // n
                else:
                    x = ((high % n) << 16) + low % n + (n >> 1)
                    x = ((high // n) << 16) + low // n + x // n
            elif n > 0:
                # n * variance = squares - m * (d + r) - r * r / n, where d = m * n + r
                d = (a[_D] ^ sign) - sign
                r = d % n
                m = d // n
                high = a[_DD_HIGH] + (a[_DD_LOW] >> 15)
                low = ((high % n) << 15) + (a[_DD_LOW] & 32767)
                rest = low % n - 2 * m * r - r * r // n
                x = ((high // n) << 15) + low // n - m * m + rest // n
                rest = rest % n
                shift = a[_SHIFT]
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
        out_values[c[_TO]] = x
        if flag == 0:
            flag = 9
        out_flags[c[_TO]] = flag
        c = ptr32(int(c) + 4 * _COLUMN)
        k -= 1
    a = ptr32(int(acc) + 4 * _FRONT)
    k = acc[0]
    while k:
        a[_N] = 0
        a[_LATEST_FLAG] = 9
        a[_LAST] = 0
        a[_LEAST] = 0
        a[_GREATEST] = 0
        a[_WORST] = 0
        a[_HIGH] = 0
        a[_LOW] = 0
        if a[_NEEDS] & _SPREADS:
            a[_FIRST] = 0
            a[_SHIFT] = 0
            a[_D] = 0
            a[_DD_HIGH] = 0
            a[_DD_LOW] = 0
        if kept == 0:
            a[_SUM] = 0
            a[_SUM_FLAG] = 0
        a = ptr32(int(a) + 4 * _ACCOUNT)
        k -= 1
