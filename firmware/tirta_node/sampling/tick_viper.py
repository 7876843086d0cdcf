# SPDX-License-Identifier: MIT
"""What happens when samples are due: the kernel that takes them, in viper.

A *group* is the channels with one period. Its *state* is an array of words: deadline and timing,
then a *row* for each channel, by which most sensors are read here without a line of Python.
Readings go to *cells*, one value and one flag for each channel: those of the ring, or of a bench
(rates_viper.py).

What is an object comes in `parts`: four calls that read, what comes behind them in the same way,
and the *rest*, which few ticks need. One unpacking gives six things; a single one taken by its
index costs as much, and the step of an iterator nearly what a reading does.

What storage/codec_viper.py says of viper holds here. A word that may be negative is read as
`(word ^ sign) - sign`, for it has no sign where words have 64 bits. The limits of a row are not:
microvolts are never below 0.
"""

from micropython import const

# State of a group.
_DUE = const(0)  # ticks of the next deadline, below 2^30
_PERIOD = const(1)
_SLOT = const(2)  # of the next deadline: how many came before it
_LEAD = const(3)  # ms before a deadline at which `prepare` is called; 0 = never
_PREPARED = const(4)
_BUSY = const(5)  # the flash was at work since the last deadline
_OVERRUNS = const(6)  # deadlines that passed while something else was done
_FLASH = const(7)  # deadlines that passed while the flash was at work
_WORST = const(8)  # ms of lateness
_BINS = const(9)  # lateness 0, 1, 2 to 3, 4 to 7 … ms
_LAST_BIN = const(19)  # 512 ms and more
_HELD = const(20)  # rows that a bus fills
_READS = const(21)  # rows that are read here
_MORE = const(22)  # 1: there are drivers without a row, or `then` has what takes the samples on
_RECORDS = const(23)  # 1: the cells are the ring's, and each sample is a record
_READ = const(24)  # slot whose samples were read last
_ROWS = const(25)
_ROW = const(16)
_DRIVER_ROW = const(3)
# A row: which cell the value goes to, and which one what was read (0 = none).
_KIND = const(0)  # 1: a counter, 0: a line
_CELL = const(1)
_RAW = const(2)  # the cell + 1
_READINGS = const(3)  # 2 to this power are averaged
_DEAD_LOW = const(4)  # below, and above _DEAD_HIGH: missing
_LOW = const(5)  # below, and above _HIGH: suspect; no narrower than the other two
_HIGH = const(6)  # of a counter: more than it can count in a period, either way
_DEAD_HIGH = const(7)
_X0 = const(8)  # value = Y0 ± (x - X0) * (WHOLE + FRACTION / 2^28), rounded: sensors/scaling.py
_Y0 = const(9)
_WHOLE = const(10)
_FRACTION = const(11)  # four digits of seven bits
_HALF = const(12)
_FALLS = const(13)  # 1: minus
# Not 0: Y0 + (x - X0) * (WHOLE + FRACTION / 2^8) / 2^SHIFT, as good where the steps are few.
_SHIFT = const(14)
_LAST = const(8)  # of a counter
_TURN = const(9)  # a counter starts again at 0 behind so many; 0 = never
_FRESH = const(8)  # of a bus: 1 = it read the value, _AT says when
_HELD_VALUE = const(9)
_HELD_FLAG = const(10)
_AT = const(11)  # ticks
_MAX_AGE = const(12)
_HELD_RAW = const(13)
_MOST = const(0x3FFFFFFF)
# Ticks are taken modulo 2^30: a port's wrap at that or at a higher power of two.
_TICKS = const(0x3FFFFFFF)
_FAR = const(0x20000000)  # half of it: a difference from there on is negative
# The ring's, as in storage/codec_viper.py.
_WIDTH = const(0)
_ROOM = const(1)
_FIRST = const(2)
_USED = const(3)
_NEXT = const(4)
_RING_CHANNELS = const(5)
_FLAGS_AT = const(8)
_SLOTS_AT = const(9)
_RECORDS_AT = const(10)
_VALUES_AT = const(11)


@micropython.viper
def tick(x: int, row: ptr32, now: int, parts) -> int:
    """Sample a group if it is due `now` (ticks); ms until it wants to be called again."""
    ring = ptr32(x)
    st = ptr32(row)
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
    sign = 1 << 29
    sign <<= 2  # (word ^ sign) - sign is negative on 64 bits, too
    flags = ptr8(int(ring) + 4 * ring[_FLAGS_AT])
    values = ptr32(int(ring) + 4 * _VALUES_AT)
    fours = ptr32(int(ring) + 4 * ring[_FLAGS_AT])
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
    row = ptr32(int(st) + 4 * _ROWS)
    n = st[_READS]
    while n:
        x = int(a())
        k = row[_CELL]
        if row[_KIND]:  # a counter
            i = x - ((row[_LAST] ^ sign) - sign)
            row[_LAST] = x
            if i + i > row[_TURN] and row[_TURN]:
                i -= row[_TURN]
            elif i + i < 0 - row[_TURN] and row[_TURN]:
                i += row[_TURN]
            values[k] = i
            flags[k] = 1
            if since == 1 and (i > row[_HIGH] or i < 0 - row[_HIGH]):
                flags[k] = 4
            if row[_RAW]:
                k = row[_RAW] - 1
                values[k] = x
                flags[k] = 1
        else:
            if row[_READINGS]:
                i = 1 << row[_READINGS]
                while i > 1:
                    x += int(a())
                    i -= 1
                x >>= row[_READINGS]
            flags[k] = 1
            if x < row[_LOW] or x > row[_HIGH]:
                flags[k] = 3
                if x < row[_DEAD_LOW] or x > row[_DEAD_HIGH]:
                    flags[k] = 9
            if row[_SHIFT]:
                x -= row[_X0]
                x = x * row[_WHOLE] + (x * row[_FRACTION] >> 8)
                values[k] = row[_Y0] + (x >> row[_SHIFT])
            else:
                if row[_RAW]:
                    i = row[_RAW] - 1
                    values[i] = x
                    flags[i] = flags[k]
                if flags[k] < 9:
                    x -= row[_X0]
                    if row[_FALLS]:
                        x = 0 - x
                    i = row[_FRACTION]
                    part = x * (i & 127) >> 7
                    part = (x * (i >> 7 & 127) + part) >> 7
                    part = (x * (i >> 14 & 127) + part) >> 7
                    part = (x * (i >> 21) + part + row[_HALF]) >> 7
                    values[k] = row[_Y0] + x * row[_WHOLE] + part
        row = ptr32(int(row) + 4 * _ROW)
        n -= 1
        if n & 3:
            a = b
            b = c
            c = d
        elif n:
            a, b, c, d, parts, rest = parts
    n = st[_HELD]
    while n:
        k = row[_CELL]
        flag = 9
        if row[_FRESH]:
            x = now - row[_AT] & _TICKS
            if x > row[_MAX_AGE]:
                row[_FRESH] = 0
            else:
                flag = row[_HELD_FLAG]
                values[k] = row[_HELD_VALUE]
        flags[k] = flag
        if row[_RAW]:
            k = row[_RAW] - 1
            values[k] = row[_HELD_RAW]
            flags[k] = flag
        row = ptr32(int(row) + 4 * _ROW)
        n -= 1
    if st[_MORE]:
        drivers, slow, full, then, handle = rest
        for driver in drivers:
            driver.sample()
            k = row[_CELL]
            values[k] = int(driver.value)
            flags[k] = int(driver.flag)
            i = row[_RAW] - 1
            if i >= 0:
                values[i] = int(driver.raw)
                flags[i] = int(driver.flag)
            row = ptr32(int(row) + 4 * _DRIVER_ROW)
        for step in then:
            step(handle, slot)
    if st[_RECORDS]:
        # As codec_viper.push, behind its test for room.
        records = ptr16(int(ring) + 4 * ring[_RECORDS_AT])
        slots = ptr32(int(ring) + 4 * ring[_SLOTS_AT])
        x = ring[_USED]
        end = ring[_ROOM]
        ring[_USED] = x + 1
        x += ring[_FIRST]
        if x >= end:
            x -= end
        slots[x] = slot
        o = x * ring[_WIDTH]
        x = slot - ring[_NEXT]
        ring[_NEXT] = slot + 1
        row = ptr32(int(records) + 2 * o)
        row[0] = x
        end = ring[_RING_CHANNELS]
        n = end
        while n > 3:
            row[1] = values[0]
            row[2] = values[1]
            row[3] = values[2]
            row[4] = values[3]
            row = ptr32(int(row) + 16)
            values = ptr32(int(values) + 16)
            n -= 4
        while n:
            row[n] = values[n - 1]
            n -= 1
        o += 2 * end + 2
        records = ptr16(int(records) + 2 * o)
        while end > 0:
            x = fours[0]
            x = (x | x >> 4) & 0xFF00FF
            records[0] = x | x >> 8
            fours = ptr32(int(fours) + 4)
            records = ptr16(int(records) + 2)
            end -= 4
    return period - late - st[_LEAD]
