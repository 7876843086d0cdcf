# SPDX-License-Identifier: MIT
"""Pages of compressed chunks for tests, written by the node's packer; mutated ones, too."""

import json
import random
import sys
from collections.abc import Callable, Sequence
from typing import Any

from interpreters import BOTH

from tirta_format import config as format_config
from tirta_format import page

sys.path.insert(0, str(BOTH))
import packing  # type: ignore[import-not-found]

BOOT, NUMBER, SLOT = 3, 1000, 5000
Truth = dict[int, list[Any]]  # slot and values by number


def config_text(channels: int) -> bytes:
    """A config with so many channels."""
    sensors = [{"name": f"t{i}", "sensor": "ds18b20", "pin": i} for i in range(channels)]
    return json.dumps({"board": "virtual", "version": 1, "channels": sensors}).encode()


def packed_page(
    rows: Sequence[Any],
    channels: int,
    most: int = 60,
    placed: float = 0.0,
    mutate: Callable[[bytes], bytes] = bytes,
    extra: Sequence[tuple[int, bytes]] = (),
) -> tuple[bytes, Truth]:
    """A page with as many rows as fit, and what it holds; a share of `placed` chunks have a place.

    `mutate` changes payloads before their CRC, `extra` are more chunks (kind, payload).
    """
    text_hash = format_config.config_hash(config_text(channels))
    head = page.Header(channels, 1, 77, NUMBER, SLOT, BOOT, text_hash)
    data = bytearray(page.MARK + head.pack())
    rng = random.Random(len(rows))
    truth: Truth = {}
    slot, at = SLOT, 0
    while at < len(rows):
        span = rows[at:] if placed == 0 else rows[at : at + rng.choice([most // 2, 3 * most])]
        runs = packing.runs(channels, span, page.SIZE - len(data) - 60, most)
        for i, (fresh, count, run) in enumerate(runs):
            if (fresh and i) or len(data) + len(run) + 40 > page.SIZE:
                return bytes(data.ljust(page.SIZE, b"\xff")), truth
            place = (BOOT, NUMBER + at, slot) if fresh and at else ()
            sums = [[0, -(1 << 38)], [1, 12]] if count % 2 else []
            content = mutate(packing.payload(place, sums, count, run[:-4]))
            kind = (page.PACKED_AT if place else page.PACKED) + (2 if sums else 0)
            coded = packing.chunk(kind, content, head.crc)
            if len(data) + len(coded) > page.SIZE:
                return bytes(data.ljust(page.SIZE, b"\xff")), truth
            data += coded
            for k, (gap, values, flags) in enumerate(rows[at : at + count]):
                slot += 0 if fresh and k == 0 else gap
                shown = [v if f != 9 else None for v, f in zip(values, flags, strict=True)]
                truth[NUMBER + at + k] = [slot, shown]
                slot += 1
            at += count
    for kind, content in extra:
        data += packing.chunk(kind, content, head.crc)
    return bytes(data.ljust(page.SIZE, b"\xff")), truth
