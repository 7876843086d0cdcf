# SPDX-License-Identifier: MIT
"""Runs a storage test under unix MicroPython and reads what it reports: lines of JSON, each
followed by a flash image.
"""

import contextlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from interpreters import FIRMWARE, ON_NODE, unix_command
from measured import commit
from support import CHECKOUT


@contextlib.contextmanager
def events(code: str, image_bytes: int) -> Iterator[Iterator[tuple[dict[str, Any], bytes]]]:
    """The (event, image) pairs that `code` tells; its failure is the test's."""
    command = unix_command(code, [ON_NODE, FIRMWARE], heap="16m")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        try:
            yield _read(process, image_bytes)
        finally:
            process.kill()


def _read(process: subprocess.Popen[bytes], n: int) -> Iterator[tuple[dict[str, Any], bytes]]:
    stream = process.stdout
    assert stream is not None
    while line := stream.readline():
        if not line.startswith(b"{"):
            raise AssertionError((line + stream.read()).decode(errors="replace"))
        event = json.loads(line)
        image = stream.read(n)
        assert len(image) == n, event
        yield event, image
    assert process.wait() == 0


def keep_counts(cuts: int) -> None:
    """What `make bench` shows. It is written only after the oracle found nothing."""
    keep("powercut.json", {"cuts": cuts, "acked_lost": 0, "invented": 0})


def keep(name: str, counts: Mapping[str, int]) -> None:
    """Leave these counts of the commit that is checked out for `make bench`."""
    folder = CHECKOUT / "build"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps({**counts, "commit": commit()}) + "\n")
