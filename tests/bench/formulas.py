# SPDX-License-Identifier: MIT
"""Series from a formula, of one channel each: what a chunk costs that has nothing to say.

Series of real water hide it, for their noise is larger.
"""

import numpy as np
from series import GOOD, Block, Ints, Series

RECORDS = 20_000
STEP = 40_000_000  # of a Modbus totaliser in millilitres
ONE_IN = 50
SWEEPS, REST = 40, 600  # records of a draw, and on average between two


def sparse_pulses(records: int = RECORDS) -> Series:
    """A meter's contact that closes in 2 % of the records, whose total is kept."""
    drawn = np.random.default_rng(1).integers(0, ONE_IN, records)
    return _series("sparse_pulses", (drawn == 0).astype(np.int64), counted=(0,))


def sweep_pulses(records: int = RECORDS) -> Series:
    """The same contact at a house: nothing for long, then a pulse every few records of a draw."""
    random = np.random.default_rng(2)
    pulses = np.zeros(records, np.int64)
    at = 0
    while at < records:
        at += int(random.exponential(REST))
        every = int(random.integers(2, 8))
        pulses[at : at + int(random.exponential(SWEEPS)) : every] = 1
        at += SWEEPS
    return _series("sweep_pulses", pulses, counted=(0,))


def constant(records: int = RECORDS) -> Series:
    """A level that never moves."""
    return _series("constant", np.full(records, 4711, np.int64))


def regular_u32(records: int = RECORDS) -> Series:
    """A register of 32 bits that grows by STEP each record, and wraps."""
    grown = np.arange(records, dtype=np.int64) * STEP + 123_456
    return _series("regular_u32", (grown + (1 << 31)) % (1 << 32) - (1 << 31))


def jittered_u32(records: int = RECORDS) -> Series:
    """The same register where the slave answers a little sooner or later."""
    late = np.random.default_rng(3).integers(-20_000, 20_001, records)
    grown = np.arange(records, dtype=np.int64) * STEP + late
    return _series("jittered_u32", (grown + (1 << 31)) % (1 << 32) - (1 << 31))


def every() -> list[Series]:
    """All of them."""
    return [sparse_pulses(), sweep_pulses(), constant(), regular_u32(), jittered_u32()]


def _series(name: str, values: Ints, counted: tuple[int, ...] = ()) -> Series:
    flags = np.full((len(values), 1), GOOD, np.uint8)
    block = Block(np.arange(len(values)), values.reshape(-1, 1), flags)
    return Series(name, (1,), (block,), counted)
