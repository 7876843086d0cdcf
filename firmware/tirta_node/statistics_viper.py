# SPDX-License-Identifier: MIT
"""statistics_plain.py as viper kernels. Made from it by host_tools/make_kernels.py."""

from micropython import const

_CELL = const(0)
_N = const(1)
_LATEST = const(2)
_LATEST_FLAG = const(3)
_LAST = const(4)
_LEAST = const(5)
_GREATEST = const(6)
_HIGH = const(7)
_LOW = const(8)
_FIRST = const(9)
_SHIFT = const(10)
_D = const(11)
_DD_HIGH = const(12)
_DD_LOW = const(13)
_WORST = const(14)
_SUM = const(15)
_SUM_FLAG = const(16)
_ACCOUNT = const(17)
_MOST = const(16384)
_IS_LATEST = const(0)
_IS_SUM = const(1)
_IS_MEAN = const(2)
_IS_LEAST = const(3)
_IS_GREATEST = const(4)
_IS_LAST = const(5)
_IS_COUNT = const(6)
_FRONT = const(2)
_COLUMN = const(3)
_FLAGS_AT = const(8)
_ACC_AT = const(9)
_VALUES_AT = const(11)


@micropython.viper
def add(ring: ptr32, slot: int):
    """Take the samples in the cells into their accounts."""
    sign = 1 << 29
    sign <<= 2
    acc = ptr32(int(ring) + 4 * ring[_ACC_AT])
    flags = ptr8(int(ring) + 4 * ring[_FLAGS_AT])
    values = ptr32(int(ring) + 4 * _VALUES_AT)
    a = _FRONT
    for _ in range(acc[0]):
        x = ((values[acc[a + _CELL]] ^ sign) - sign)
        flag = flags[acc[a + _CELL]]
        acc[a + _LATEST_FLAG] = flag
        if flag < 9:
            acc[a + _LATEST] = x
            acc[a + _SUM] += x
            if flag > acc[a + _SUM_FLAG]:
                acc[a + _SUM_FLAG] = flag
        n = acc[a + _N]
        if flag < 4 and n < _MOST:
            if n == 0:
                acc[a + _FIRST] = x
                acc[a + _LEAST] = x
                acc[a + _GREATEST] = x
            acc[a + _N] = n + 1
            acc[a + _LAST] = x
            if x < ((acc[a + _LEAST] ^ sign) - sign):
                acc[a + _LEAST] = x
            if x > ((acc[a + _GREATEST] ^ sign) - sign):
                acc[a + _GREATEST] = x
            if flag > acc[a + _WORST]:
                acc[a + _WORST] = flag
            acc[a + _HIGH] += x >> 16
            acc[a + _LOW] += x & 65535
            d = (x - ((acc[a + _FIRST] ^ sign) - sign)) >> acc[a + _SHIFT]
            while d > 32767 or d < -32767:
                d >>= 1
                acc[a + _SHIFT] += 1
                acc[a + _D] = ((acc[a + _D] ^ sign) - sign) >> 1
                high = acc[a + _DD_HIGH] + (acc[a + _DD_LOW] >> 15)
                acc[a + _DD_LOW] = ((high & 3) << 13) + ((acc[a + _DD_LOW] & 32767) >> 2)
                acc[a + _DD_HIGH] = high >> 2
            acc[a + _D] += d
            acc[a + _DD_HIGH] += d * d >> 15
            acc[a + _DD_LOW] += d * d & 32767
        a += _ACCOUNT


@micropython.viper
def close(ring: ptr32, to: ptr32, kept: int):
    """Put the columns of the accounts into a record, and begin anew; `kept` sums go on (the record
    was refused).
    """
    sign = 1 << 29
    sign <<= 2
    out_flags = ptr8(int(to) + 4 * to[_FLAGS_AT])
    out_values = ptr32(int(to) + 4 * _VALUES_AT)
    acc = ptr32(int(ring) + 4 * ring[_ACC_AT])
    c = _FRONT + acc[0] * _ACCOUNT
    for _ in range(acc[1]):
        a = acc[c + 1]
        what = acc[c + 2]
        n = acc[a + _N]
        x = acc[a + _LATEST]
        flag = acc[a + _WORST]
        if what == _IS_LATEST:
            flag = acc[a + _LATEST_FLAG]
        elif what == _IS_SUM:
            x = acc[a + _SUM]
            flag = acc[a + _SUM_FLAG]
        elif what == _IS_COUNT:
            x = n
            flag = 1
        elif what == _IS_LEAST:
            x = acc[a + _LEAST]
        elif what == _IS_GREATEST:
            x = acc[a + _GREATEST]
        elif what == _IS_LAST:
            x = acc[a + _LAST]
        elif n > 0 and what == _IS_MEAN:
            high = ((acc[a + _HIGH] ^ sign) - sign)
            low = acc[a + _LOW]
            x = ((high % n) << 16) + low % n + (n >> 1)
            x = ((high // n) << 16) + low // n + x // n
        elif n > 0:
            # n * variance = squares - m * (d + r) - r * r / n, where d = m * n + r
            d = ((acc[a + _D] ^ sign) - sign)
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
        i = acc[c]
        out_values[i] = x
        if flag == 0:
            flag = 9
        out_flags[i] = flag
        c += _COLUMN
    a = _FRONT
    for _ in range(acc[0]):
        i = a + _LATEST_FLAG
        acc[a + _N] = 0
        acc[i] = 9
        i = a + _HIGH
        while i <= a + _WORST:
            acc[i] = 0
            i += 1
        if kept == 0:
            acc[a + _SUM] = 0
            acc[a + _SUM_FLAG] = 0
        a += _ACCOUNT
