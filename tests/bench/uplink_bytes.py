# SPDX-License-Identifier: MIT
"""What a record costs on the wire of an uplink: eight channels of the river at one record a
minute, pushed each hour by the node's own sender under MicroPython to an archive that answers.

All bytes of MQTT both ways count, ledgers and acknowledgements too. TCP and IP put 40 bytes around
each packet, which `make bench` tells beside it.
"""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import product
from figures import Figures, Say
from series import Block, Series
from under_micropython import BenchError, run

CHANNELS = 8
RECORDS = 7 * 1440  # or all that there are
PUSH_S = 3600
_AROUND = 40  # bytes of TCP and IP around a packet


def eight(river: Series) -> Series:
    """The river's channels, and the first ones again, half a series later, up to eight."""
    (block,) = river.blocks
    count = len(block.slots)
    more = CHANNELS - river.channels

    def widened(array: np.ndarray) -> np.ndarray:
        return np.concatenate([array, np.roll(array[:, :more], count // 2, axis=0)], axis=1)

    wide = Block(block.slots, widened(block.values), widened(block.flags))
    return replace(river, scales=river.scales + river.scales[:more], blocks=(wide,))


def measure(river: Series, say: Say, records: int = RECORDS) -> Figures:
    """`uplink.bytes_per_record`, and what lies of it in the log. Raises BenchError where the
    archive has not all of it in the end.
    """
    records = min(records, river.records)
    found = eight(river).first(records)
    whole = found.joined()
    with tempfile.TemporaryDirectory() as folder:
        raw = whole.slots.astype("<i4").tobytes() + whole.values.astype("<i4").tobytes()
        (Path(folder) / "records").write_bytes(raw + whole.flags.tobytes())
        config = product.config_text(found)
        given = f"{folder!r}, {CHANNELS}, {records}, {config!r}, {PUSH_S}"
        told = json.loads(run(f"import bench_uplink\nbench_uplink.main({given})"))
    if told["problem"] or told["behind"] > _HOUR_MOST:
        raise BenchError(f"the archive lacks {told['behind']} bytes: {told['problem']}")
    up, down = told["up"] / records, told["down"] / records
    around = told["packets"] * _AROUND / records
    say(
        f"{records:,} records of {CHANNELS} channels, pushed each {PUSH_S} s: {up:.2f} bytes a"
        f" record up, {down:.2f} down, of which {told['log'] / records:.2f} are the log's;"
        f" TCP and IP put {around:.2f} around them at most"
    )
    return {
        "uplink.bytes_per_record": up + down,
        "uplink.bytes_per_record_up": up,
        "uplink.bytes_per_record_down": down,
    }


_HOUR_MOST = 1200  # bytes of log that an hour brings at most: what waits for its push
