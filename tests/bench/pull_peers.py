# SPDX-License-Identifier: MIT
"""The same bytes over the same cable by zmodem (lrzsz) and by `mpremote fs cp`, and the same
records as CSV. Timed on the cable behind its first 2,000 bytes, so that their start costs them
nothing.
"""

import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from relay import Relay
from series import Series

from tirta import virtual

_BEGIN, _INTERVAL_S = datetime(2020, 1, 1), 900  # noqa: DTZ001  as local as any logger's


def _rate(data: bytes, relay: Relay) -> float:
    """Bytes a second of `data`, by what the cable carried behind the greetings."""
    told = relay.end()
    return len(data) / told["up"] * told["up_rate"]


def zmodem(data: bytes, baud: int) -> float:
    """Bytes a second of one file through sz and rz."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "file.bin", Path(folder) / "got"
        source.write_bytes(data)
        target.mkdir()
        master, slave = os.openpty()
        relay = Relay(os.ttyname(slave), baud)
        with Path(relay.port).open("r+b", 0) as port:
            sender = subprocess.Popen(
                ["sz", "-q", "-b", str(source)],
                stdin=master, stdout=master, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            subprocess.run(
                ["rz", "-q", "-b", "-y"], cwd=target, stdin=port, stdout=port,
                stderr=subprocess.DEVNULL, timeout=len(data) / baud * 60 + 60, check=True,
            )  # fmt: skip
            sender.wait(timeout=20)
            assert (target / "file.bin").read_bytes() == data
            found = _rate(data, relay)
        os.close(master)
        os.close(slave)
    return found


def mpremote(data: bytes, baud: int) -> float:
    """Bytes a second of one file from a bare board with `mpremote fs cp`.

    It reads ports below /dev/pts otherwise than all others, so it gets this one by another name.
    """
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TIRTA_VIRTUAL_DIR"] = str(Path(folder) / "virtual")
        bare = virtual.up("bare", baud=baud)  # with the chip's FIFO, as our node has it
        try:
            source, target = Path(folder) / "file.bin", Path(folder) / "got.bin"
            source.write_bytes(data)
            _run_mpremote(bare.port, "fs", "cp", str(source), ":file.bin")
            relay = Relay(bare.port, baud)
            port = Path(folder) / "port"
            port.symlink_to(relay.port)
            _run_mpremote(str(port), "fs", "cp", ":file.bin", str(target))
            found = _rate(data, relay)
            assert target.read_bytes() == data
        finally:
            virtual.down("bare")
    return found


def _run_mpremote(port: str, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "mpremote", "connect", port, *arguments],
        capture_output=True, timeout=300, check=True,
    )  # fmt: skip


def as_csv(one: Series) -> bytes:
    """The records as a logger writes them: time and values, with the digits of their scale."""
    digits = [len(str(scale)) - 1 for scale in one.scales]
    lines = []
    for block in one.blocks:
        for slot, row in zip(block.slots.tolist(), block.values.tolist(), strict=True):
            stamp = _BEGIN + timedelta(seconds=_INTERVAL_S * slot)
            cells = (f"{v / k:.{d}f}" for v, k, d in zip(row, one.scales, digits, strict=True))
            lines.append(",".join((f"{stamp:%Y-%m-%d %H:%M:%S}", *cells)) + "\n")
    return "".join(lines).encode()
