# SPDX-License-Identifier: MIT
"""The command `tirta` as a process of its own, with room on the disk or without."""

import subprocess
import sys

from patience import run

TIRTA = [sys.executable, "-c", "import sys; from tirta.cli import main; sys.exit(main())"]
_FULL = (
    "import resource, sys; from tirta.cli import main;"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2); sys.exit(main())"
)


def on_full_disk(limit: int, *words: str) -> subprocess.CompletedProcess[str]:
    """A command that may write files of `limit` bytes at most: more fails as on a full disk."""
    return run([sys.executable, "-c", _FULL, str(limit), *words])
