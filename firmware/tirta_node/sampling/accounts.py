# SPDX-License-Identifier: MIT
"""Builds what rates_viper.py needs: for each group a bench with cells, limits and accounts.

Called by `unload`, and only for configs with periods, statistics or limits.
"""

from array import array

import uctypes

from tirta_format import columns
from tirta_format.record import MISSING
from tirta_node.sampling.full_ring import Refusal
from tirta_node.sampling.rates_viper import rates, take
from tirta_node.sampling.statistics_viper import add, close

# As in quality_viper.py and statistics_viper.py.
_VALUES_AT, _FLAGS_AT, _ACC_AT, _QC_AT, _ROOM = 11, 8, 9, 10, 1
_LIMITS, _ACCOUNT, _COLUMN = 20, 18, 5
_LATEST_FLAG, _WORST, _SUM_FLAG, _NEEDS = 3, 14, 16, 17
_NONE = 0x3FFFFFFF
# What a column is made of: place of its value, of its flag, what to do, what the account needs.
_MADE = {
    "latest": (2, _LATEST_FLAG, 0, 0),
    "sum": (15, _SUM_FLAG, 0, 1),
    "mean": (2, _WORST, 1, 2 + 4),
    "min": (5, _WORST, 0, 2 + 8),
    "max": (6, _WORST, 0, 2 + 8),
    "last": (4, _WORST, 0, 2),
    "count": (1, _WORST, 3, 2),
    "std": (2, _WORST, 2, 2 + 16),
}


def spread(built, sampler):
    """Give every group its bench, and the sampler what ticks them all."""
    for group in sampler.groups:
        cells = {}
        for _, channel, what in built.found:
            key = channel, what == columns.RAW
            if channel in group.channels and key not in cells:
                cells[key] = len(cells)
        limits = _limits(built.channels, group.channels, cells)
        bench, group.bench = _bench(built, cells, limits, _accounts(built, cells))
        then = [add]
        if limits[0]:
            from tirta_node.sampling.quality_viper import judge

            then.insert(0, judge)
        built.wire(group, bench, cells, built.ring.refuse, tuple(then))
    record = built.group(built.interval_ms, [])
    # So that those with the longest periods come first.
    chain = _chained([(g.period_ms, g.cells, g.state, g.parts) for g in sampler.groups])
    benches = _chained([(g.cells,) for g in sampler.groups])
    ring, count = built.ring, len(sampler.groups)
    handle = close, ring.take, ring.handle, count, benches
    built.wire(record, ring.handle, {}, Refusal(handle, ring).refuse, (take,), handle)
    words = array("i", (0, 0, 0, built.interval_ms))
    record.bench = words
    sampler.cells = uctypes.addressof(words)
    sampler.state = record.state
    sampler.parts = built.tick, count, chain, ring.handle, record.state, record.parts
    sampler.tick = rates
    sampler.groups.append(record)


def _chained(rows):
    """Each row with the one before it as its last item: one unpacking gives both."""
    chain = rows[0] + (None,)
    for row in rows[1:]:
        chain = row + (chain,)
    return chain


def _bench(built, cells, limits, accounts):
    """(handle, what it stands for) of a bench; as a ring it is never full."""
    n = len(cells)
    flags_at = _VALUES_AT + n
    at = flags_at + (n + 3) // 4
    head = array("i", bytes(4 * _VALUES_AT))
    head[_ROOM] = 1
    head[_FLAGS_AT] = flags_at
    head[_ACC_AT] = at
    head[_QC_AT] = at + len(accounts)
    missing = array("i", bytes((MISSING,)) * (4 * ((n + 3) // 4)))
    words = head + array("i", bytes(4 * n)) + missing + accounts + limits
    return uctypes.addressof(words), words


def _accounts(built, cells):
    """An account for each cell, and which columns are made of it."""
    asked = []
    for i, (_, channel, what) in enumerate(built.found):
        cell = cells.get((channel, what == columns.RAW))
        if cell is None:
            continue
        made_of = what
        if what == columns.RAW:
            made_of = "latest"
        elif what == columns.VALUE:
            counting = built.channels[channel]["sensor"] in columns.COUNTING
            made_of = "sum" if counting else "latest"
        asked.append((i, 2 + cell * _ACCOUNT, _MADE[made_of]))
    words = array("i", bytes(4 * (2 + len(cells) * _ACCOUNT + len(asked) * _COLUMN)))
    words[0] = len(cells)
    words[1] = len(asked)
    for cell in range(len(cells)):
        words[2 + cell * _ACCOUNT] = cell
        words[2 + cell * _ACCOUNT + _LATEST_FLAG] = MISSING
    at = 2 + len(cells) * _ACCOUNT
    for i, account, (value, flag, what, needs) in asked:
        words[account + _NEEDS] |= needs
        for word in (i, account + value, account + flag, account, what):
            words[at] = word
            at += 1
    return words


def _limits(channels, members, cells):
    """The limits of the group's channels, and room for what the tests remember."""
    words = array("i", (0,))
    for i in members:
        channel = channels[i]
        if not any(key.startswith("qc_") for key in channel):
            continue
        words[0] += 1
        spike = channel.get("qc_spike")
        words.extend(array("i", (cells[i, False],)))
        for key in ("qc_fail", "qc_suspect"):
            words.extend(array("i", channel.get(key, (-_NONE, _NONE))))
        words.extend(array("i", (channel.get("qc_rate", _NONE), 1 if spike else 0)))
        words.extend(array("i", spike or (0, 0)))
        flat = channel.get("qc_flat", (0, 0, 0))
        words.extend(array("i", flat))
        kept = flat[2] + 1
        words.extend(array("i", (0, 0, MISSING) + (0,) * (_LIMITS - 15 + kept)))
    return words
