# SPDX-License-Identifier: MIT
"""How many bits other encodings take for the same series.

Each peer is told (values[record, channel], scales). None of them carries a page, a CRC, a commit or
a gap in time here, and a missing value costs them what a repeated one costs: all in their favour.
"""

import lzma
import struct
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pcodec
from numpy.typing import NDArray
from pcodec import standalone
from series import Ints, Series

STAMP_BYTES = 20  # 2020-01-01 00:00:00 and a comma
PCO_LEVEL = 12
FP2_FRAME, FP2_ROOM = 1024, 1008  # TOB3: header and footer of 16 bytes


def csv(values: Ints, scales: Sequence[int]) -> int:
    """Decimal text with as many digits as the scale keeps."""
    digits = [len(str(scale)) - 1 for scale in scales]
    total = 0
    for row in values.tolist():
        texts = (f"{v / s:.{d}f}" for v, s, d in zip(row, scales, digits, strict=True))
        total += STAMP_BYTES + sum(map(len, texts)) + len(row)
    return 8 * total


def fp2(values: Ints, scales: Sequence[int]) -> int:
    """Campbell's two-byte floats in frames of 1 KB: three to four digits, so it loses some."""
    del scales
    return round(16 * values.size * FP2_FRAME / FP2_ROOM)


def gorilla(values: Ints, scales: Sequence[int]) -> int:
    """XOR of float32; a regular time costs one bit a record."""
    bits = len(values)
    for c, scale in enumerate(scales):
        words = (values[:, c] / scale).astype("<f4").view("<u4").tolist()
        bits += 32
        lead = size = 0
        for last, word in pairwise(words):
            x = word ^ last
            if not x:
                bits += 1
                continue
            zeros, tail = 32 - x.bit_length(), (x & -x).bit_length() - 1
            if size and zeros >= lead and tail >= 32 - lead - size:
                bits += 2 + size
            else:
                lead, size = zeros, 32 - zeros - tail
                bits += 2 + 5 + 5 + size
    return bits


def sprintz(values: Ints, scales: Sequence[int]) -> int:
    """An online slope predictor (FIRE), zigzag, blocks of 8 at the widest, 5 bits of width."""
    del scales
    bits = 0
    for c in range(values.shape[1]):
        column = values[:, c].tolist()
        bits += 32
        last, slope, weight, block = column[0], 0, 0, []
        for v in column[1:]:
            error = v - last - (weight * slope >> 8)
            block.append(2 * error if error >= 0 else -2 * error - 1)
            weight += 4 * ((error > 0) - (error < 0)) * ((slope > 0) - (slope < 0))
            last, slope = v, v - last
            if len(block) == 8:
                bits += 5 + 8 * max(block).bit_length()
                block = []
        if block:
            bits += 5 + len(block) * max(block).bit_length()
    return bits


def xz(blocks: Sequence[Ints]) -> int:
    """Bits of xz -9e of the differences of each column, all at once; the best of three layouts.

    It sees the whole file before it writes a bit: no node could.
    """
    channels = blocks[0].shape[1]
    columns = [np.concatenate([np.diff(b[:, c]) for b in blocks]) for c in range(channels)]
    sizes: list[int] = []
    for kind, split in (("<i2", False), ("<i2", True), ("<i4", False)):
        raw = b"".join(_column(column, kind, split) for column in columns)
        packed = lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME)
        sizes.append(len(packed) + struct.calcsize("<i") * len(blocks) * channels)
    return 8 * min(sizes)


def _column(differences: Ints, kind: str, split: bool) -> bytes:
    """`split`: first all low bytes, then all high ones."""
    wide = int(abs(differences).max()) > 0x7FFF
    data = differences.astype("<i4" if wide else kind)
    if not split:
        return data.tobytes()
    return data.view(np.uint8).reshape(len(data), -1).T.tobytes()


def pco(blocks: Sequence[Ints]) -> int:
    """Bits of pcodec at its highest level, each column whole, by the best of its differences.

    It sees a whole column before it writes a bit, as xz does.
    """
    columns = np.concatenate(blocks).astype(np.int32)
    return 8 * sum(min(map(len, _packed(column))) for column in columns.T.copy())


def _packed(column: NDArray[np.int32]) -> list[bytes]:
    deltas = [pcodec.DeltaSpec.auto(), pcodec.DeltaSpec.no_op()]
    deltas += [pcodec.DeltaSpec.try_consecutive(order) for order in (1, 2)]
    configs = (pcodec.ChunkConfig(compression_level=PCO_LEVEL, delta_spec=one) for one in deltas)
    return [standalone.simple_compress(column, config) for config in configs]


_EACH_BLOCK: dict[str, Callable[[Ints, Sequence[int]], int]] = {
    "CSV": csv,
    "FP2 (lossy)": fp2,
    "Gorilla f32": gorilla,
    "Sprintz-like": sprintz,
}
SPRINTZ, XZ, PCO = "Sprintz-like", "xz -9e", "pcodec 12"


def bits_per_value(series: Series) -> dict[str, float]:
    """Every peer's figure for this series."""
    found = {
        name: sum(peer(block.values, series.scales) for block in series.blocks) / series.values
        for name, peer in _EACH_BLOCK.items()
    }
    blocks = [block.values for block in series.blocks]
    found[XZ] = xz(blocks) / series.values
    found[PCO] = pco(blocks) / series.values
    return found
