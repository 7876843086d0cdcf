# SPDX-License-Identifier: MIT
"""Compressed runs of one page to arrays: compiled where numba is installed (`tirta[fast]`), in
plain Python where not. Both give the same; numba keeps what it compiled in its cache.
"""

import functools
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tirta.log import range_decoder
from tirta_format.page import VERSION
from tirta_format.prior import PRIOR

MAX_COUNT = 255
_CODER, _BEFORE = 3, 4


# Row i of each is one record: slots left out before it [record], values and flags
# [record, channel]. The value of a missing one is the last known, or 0.
Unpacked = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.uint8]]


class Unpacker:
    """One page: `fresh` models, then its runs in order."""

    def __init__(self, channels: int, fast: bool | None = None, version: int = VERSION) -> None:
        """`fast` asks for numba, or for none; it is used where it is, unless told otherwise.
        `version` is the page's.
        """
        self.channels = channels
        self._paces = int(version > 1)
        self._width = 2 + 2 * channels + 2 * ((channels + 7) // 8)
        self._compiled = _compiled() if fast or fast is None else None
        if fast and self._compiled is None:
            raise ValueError("numba is not installed")
        self.fast = self._compiled is not None
        self._state: Any = None
        self._probs: Any = None
        self.fresh()

    def fresh(self) -> None:
        """Forget what the models learned."""
        state, probs = _fresh(self.channels, self._paces)
        self._state = state.copy() if self.fast else state.tolist()
        self._probs = probs.copy() if self.fast else probs.tolist()

    def run(self, data: bytes, count: int) -> Unpacked:
        """Decode the `count` records of a run. Raises ValueError when no encoder wrote it; then the
        models are of no use before the next `fresh`.
        """
        return self.page(data, [(0, len(data), count)])

    def page(self, data: bytes, runs: Sequence[tuple[int, int, int]]) -> Unpacked:
        """Decode runs that go on from each other, each (begin, end, count) in `data`, as one.
        Raises as `run`.
        """
        counts = [count for _, _, count in runs]
        if not 1 <= min(counts) <= max(counts) <= MAX_COUNT:
            raise ValueError(f"1 to {MAX_COUNT} records")
        size = sum(counts) * self._width
        if self._compiled is not None:
            rows = np.zeros(size, np.int64)
            coder, before = np.zeros(_CODER, np.int64), np.zeros(_BEFORE, np.int64)
            parts = (self._state, self._probs, rows, coder, before)
            done = self._compiled(np.frombuffer(data, np.uint8), np.array(runs), *parts)
        else:
            plain = [0] * size
            rest = ([0] * _CODER, [0] * _BEFORE)
            done = range_decoder.page(data, runs, self._state, self._probs, plain, *rest)
            rows = np.array(plain, np.int64)
        if done != range_decoder.OK:
            raise ValueError("no encoder writes this run")
        return self._unpacked(rows.reshape(-1, self._width))

    def _unpacked(self, rows: NDArray[np.int64]) -> Unpacked:
        end = 2 + 2 * self.channels
        pairs = rows[:, :end]
        whole = pairs[:, 0::2] | pairs[:, 1::2] << 16
        values = whole[:, 1:].astype(np.int32)  # the high half of 32 bits is the negative one
        nibbles = rows[:, end:, None] >> np.array([0, 4, 8, 12]) & 15
        flags = nibbles.reshape(len(rows), -1)[:, : self.channels].astype(np.uint8)
        return whole[:, 0], values, flags


@functools.cache
def _fresh(channels: int, paces: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """State and probabilities of fresh models: the same every time, to be copied."""
    state, probs = range_decoder.fresh(PRIOR, channels, paces)
    return np.array(state), np.array(probs)


@functools.cache
def _compiled() -> Callable[..., int] | None:
    """range_decoder.page by numba, or None. Each function gets the compiled ones to call."""
    try:
        import numba
    except ImportError:
        return None
    space = dict(vars(range_decoder))
    for name, plain in vars(range_decoder).items():
        if isinstance(plain, FunctionType):
            own = FunctionType(plain.__code__, space, name)
            try:
                space[name] = numba.njit(cache=True)(own)
            except RuntimeError:
                return None  # nowhere to keep a cache: compiling takes longer than it saves
    return space["page"]  # type: ignore[no-any-return]
