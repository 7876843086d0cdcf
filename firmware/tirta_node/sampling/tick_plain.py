# SPDX-License-Identifier: MIT
"""What happens when samples are due, in plain Python: the source of tick_viper.py, and its twin
where there is no viper.

A *group* is the channels with one period. Its *state* is an array of words: deadline and timing,
then a *row* for each channel, by which most sensors are read here without a line of Python.
Readings go to *cells*, one value and one flag for each channel: those of the ring, or of a bench
(rates.py).

What is an object comes in `parts`: four calls that read, what comes behind them in the same way,
and the *rest*, which few ticks need. One unpacking gives six things; a single one taken by its
index costs as much, and the step of an iterator nearly what a reading does.
"""

from tirta_format.codec import push

# State of a group.
_DUE = 0  # ticks of the next deadline, below 2^30
_PERIOD = 1
_SLOT = 2  # of the next deadline: how many came before it
_LEAD = 3  # ms before a deadline at which `prepare` is called; 0 = never
_PREPARED = 4
_BUSY = 5  # the flash was at work since the last deadline
_OVERRUNS = 6  # deadlines that passed while something else was done
_FLASH = 7  # deadlines that passed while the flash was at work
_WORST = 8  # ms of lateness
_BINS = 9  # lateness 0, 1, 2 to 3, 4 to 7 … ms
_LAST_BIN = 19  # 512 ms and more
_HELD = 20  # rows that a bus fills
_READS = 21  # rows that are read here
_MORE = 22  # 1: there are drivers without such a row, or `then` has what takes the samples on
_RECORDS = 23  # 1: the cells are the ring's, and each sample is a record
_READ = 24  # slot whose samples were read last
_ROWS = 25
_ROW = 16
_DRIVER_ROW = 3
# A row: which cell the value goes to, and which one what was read (0 = none).
_KIND = 0  # 1: a counter, 0: a line
_CELL = 1
_RAW = 2  # the cell + 1
_READINGS = 3  # 2 to this power are averaged
_DEAD_LOW = 4  # below, and above _DEAD_HIGH: missing
_LOW = 5  # below, and above _HIGH: suspect; no narrower than the other two
_HIGH = 6  # of a counter: more than it can count in a period, either way
_DEAD_HIGH = 7
_X0 = 8  # value = Y0 ± (x - X0) * (WHOLE + FRACTION / 2^28), rounded: sensors/scaling.py
_Y0 = 9
_WHOLE = 10
_FRACTION = 11  # four digits of seven bits
_HALF = 12
_FALLS = 13  # 1: minus
_SHIFT = 14  # not 0: Y0 + (x - X0) * FRACTION / 2^(8 + SHIFT), as good where the steps are few
_LAST = 8  # of a counter
_TURN = 9  # a counter starts again at 0 behind so many; 0 = never
_FRESH = 8  # of a bus: 1 = it read the value, _AT says when
_HELD_VALUE = 9
_HELD_FLAG = 10
_AT = 11  # ticks
_MAX_AGE = 12
_HELD_RAW = 13
_MOST = 0x3FFFFFFF
# Ticks are taken modulo 2^30: a port's wrap at that or at a higher power of two.
_TICKS = 0x3FFFFFFF
_FAR = 0x20000000  # half of it: a difference from there on is negative
# The ring's, as in tirta_format/codec.py.
_ROOM = 1
_USED = 3
_FLAGS_AT = 8
_VALUES_AT = 11


def signed(word):
    """What may be negative: a viper pointer takes words without their sign where these are 64 bits
    wide.
    """
    return word


def tick(ring, st, now, parts, values, flags, slots, records):
    """Sample a group if it is due `now` (ticks); ms until it wants to be called again."""
    left = st[_DUE] - now & _TICKS
    if left >= _FAR:
        left = left - _FAR - _FAR
    if left > 0:
        if st[_LEAD] and st[_PREPARED] == 0:
            if left > st[_LEAD]:
                return left - st[_LEAD]
            a, b, c, d, parts, rest = parts
            drivers, slow, full, then, handle = rest
            for driver in slow:
                driver.prepare()
            st[_PREPARED] = 1
        return left
    a, b, c, d, parts, rest = parts
    st[_PREPARED] = 0
    period = st[_PERIOD]
    ahead = period
    slot = st[_SLOT]
    i = _BINS
    late = 0 - left
    if late:
        if late > st[_WORST]:
            st[_WORST] = late
        x = late
        while x and i < _LAST_BIN:
            x >>= 1
            i += 1
        n = _OVERRUNS + st[_BUSY]
        while late >= period:
            late -= period
            ahead += period
            slot += 1
            if st[n] < _MOST:
                st[n] += 1
    if st[i] < _MOST:
        st[i] += 1
    st[_BUSY] = 0
    st[_DUE] = (st[_DUE] - _FAR + ahead & _TICKS) ^ _FAR  # a sum as such may need 31 bits
    st[_SLOT] = slot + 1
    if ring[_USED] == ring[_ROOM]:
        drivers, slow, full, then, handle = rest
        full()  # unread, a pulse counter keeps its pulses for the next record
        return period - late - st[_LEAD]
    since = slot - st[_READ]
    st[_READ] = slot
    row = _ROWS
    n = st[_READS]
    while n:
        x = int(a())
        k = st[row + _CELL]
        if st[row + _KIND]:  # a counter
            i = x - signed(st[row + _LAST])
            st[row + _LAST] = x
            if i + i > st[row + _TURN] and st[row + _TURN]:
                i -= st[row + _TURN]
            elif i + i < 0 - st[row + _TURN] and st[row + _TURN]:
                i += st[row + _TURN]
            values[k] = i
            flags[k] = 1
            if since == 1 and (i > st[row + _HIGH] or i < 0 - st[row + _HIGH]):
                flags[k] = 4
            if st[row + _RAW]:
                k = st[row + _RAW] - 1
                values[k] = x
                flags[k] = 1
        else:
            if st[row + _READINGS]:
                i = 1 << st[row + _READINGS]
                while i > 1:
                    x += int(a())
                    i -= 1
                x >>= st[row + _READINGS]
            flags[k] = 1
            if x < st[row + _LOW] or x > st[row + _HIGH]:
                flags[k] = 3
                if x < st[row + _DEAD_LOW] or x > st[row + _DEAD_HIGH]:
                    flags[k] = 9
            if st[row + _SHIFT]:
                x -= st[row + _X0]
                i = st[row + _FRACTION]
                i = x * (i >> 8) + (x * (i & 255) >> 8)
                values[k] = st[row + _Y0] + (i >> st[row + _SHIFT])
            else:
                if st[row + _RAW]:
                    i = st[row + _RAW] - 1
                    values[i] = x
                    flags[i] = flags[k]
                if flags[k] < 9:
                    x -= st[row + _X0]
                    if st[row + _FALLS]:
                        x = 0 - x
                    i = st[row + _FRACTION]
                    part = x * (i & 127) >> 7
                    part = (x * (i >> 7 & 127) + part) >> 7
                    part = (x * (i >> 14 & 127) + part) >> 7
                    part = (x * (i >> 21) + part + st[row + _HALF]) >> 7
                    values[k] = st[row + _Y0] + x * st[row + _WHOLE] + part
        row += _ROW
        n -= 1
        if n & 3:
            a = b
            b = c
            c = d
        elif n:
            a, b, c, d, parts, rest = parts
    n = st[_HELD]
    while n:
        k = st[row + _CELL]
        flag = 9
        if st[row + _FRESH]:
            x = now - st[row + _AT] & _TICKS
            if x > st[row + _MAX_AGE]:
                st[row + _FRESH] = 0
            else:
                flag = st[row + _HELD_FLAG]
                values[k] = st[row + _HELD_VALUE]
        flags[k] = flag
        if st[row + _RAW]:
            k = st[row + _RAW] - 1
            values[k] = st[row + _HELD_RAW]
            flags[k] = flag
        row += _ROW
        n -= 1
    if st[_MORE]:
        drivers, slow, full, then, handle = rest
        for driver in drivers:
            driver.sample()
            k = st[row + _CELL]
            values[k] = int(driver.value)
            flags[k] = int(driver.flag)
            i = st[row + _RAW] - 1
            if i >= 0:
                values[i] = int(driver.raw)
                flags[i] = int(driver.flag)
            row += _DRIVER_ROW
        for step in then:
            step(handle, slot)
    if st[_RECORDS]:
        push(ring, values, flags, slots, records, slot)
    return period - late - st[_LEAD]
