# SPDX-License-Identifier: MIT
"""The tick without viper: the twins of its kernels, called as these are.

A kernel gets an address and finds the rest from there; a twin gets a tuple of the parts: state,
values, flags, and of a Bench accounts and limits. Not loaded where there is viper.
"""

from tirta_node.sampling import quality_plain, rates_plain, statistics_plain, tick_plain

rates, take = rates_plain.rates, rates_plain.take


def tick(ring, st, now, parts):
    """As tick_plain.tick."""
    return tick_plain.tick(ring[0], st, now, parts, ring[1], ring[2], ring[3], ring[4])


def add(ring, slot):
    """As statistics_plain.add."""
    statistics_plain.add(ring[0], ring[1], ring[2], ring[3], slot)


def close(ring, to, kept):
    """As statistics_plain.close."""
    statistics_plain.close(ring[0], ring[3], to[0], to[1], to[2], kept)


def judge(ring, slot):
    """As quality_plain.judge."""
    quality_plain.judge(ring[0], ring[1], ring[2], ring[4], slot)
