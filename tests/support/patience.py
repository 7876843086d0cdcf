# SPDX-License-Identifier: MIT
"""How long a test waits for something: as long as the computer has not had the time for it.

No test bounds wall time. `Patience` counts the seconds of a computer that has a core for each
program that wants one; with ten programs for each core it takes ten times as long. It is there to
end what hangs, so it is many times what anything takes.
"""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tirta import virtual

T = TypeVar("T")
HANG_S = 240.0
_EVERY_S = 0.1


class Patience:
    """Is over after `seconds` in which the computer had time to spare."""

    def __init__(self, seconds: float = HANG_S) -> None:
        self._left_s = seconds
        self._seen = time.monotonic()

    def over(self) -> bool:
        """Whether to stop waiting; call it about as often as what is waited for may come."""
        now = time.monotonic()
        self._left_s -= (now - self._seen) * _share()
        self._seen = now
        return self._left_s < 0


def _share() -> float:
    """What part of a core each program gets that wants one now, 0 to 1."""
    try:
        cores = float(len(os.sched_getaffinity(0)))
        running = int(Path("/proc/loadavg").read_text().split()[3].split("/")[0])
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            cores = min(cores, int(quota) / int(period))
    except (AttributeError, OSError):  # another system, or no cgroups
        cores, running = float(os.cpu_count() or 1), round(os.getloadavg()[0])
    return min(1.0, cores / max(1, running))


def wait_for(
    ready: Callable[[], T], *, told: Callable[[], object] = str, every_s: float = _EVERY_S
) -> T:
    """What `ready` returns once it is true; fails with what `told` says when that never comes."""
    patience = Patience()
    while not (found := ready()):
        assert not patience.over(), told() or "what the test waits for does not come"
        time.sleep(every_s)
    return found


def scenario_ended(name: str) -> None:
    """Wait until a virtual node has been through its scenario."""
    wait_for(lambda: virtual.control(name, {"do": "status"})["scenario"]["ended"])


def run(
    words: Sequence[str | Path],
    *,
    check: bool = False,
    text: bool = True,
    patience_s: float = HANG_S,
    **options: Any,
) -> "subprocess.CompletedProcess[Any]":
    """Run a program to its end as `subprocess.run` does, its output captured; a hang fails."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    patience = Patience(patience_s)
    with subprocess.Popen([*map(str, words)], text=text, **options) as process:
        try:
            while True:
                try:
                    out, err = process.communicate(timeout=1)
                    break
                except subprocess.TimeoutExpired:
                    assert not patience.over(), f"{words} does not end"
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(words, process.returncode, out, err)
    if check:
        done.check_returncode()
    return done
