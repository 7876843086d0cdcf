# SPDX-License-Identifier: MIT
"""A power cut at every flash operation of an update, and again in its recovery: the old application
or the new one runs, never neither (tests/micropython/update_cuts.py).
"""

from pathlib import Path

import pytest
from update_cut_runs import cut

from tirta.image.littlefs import OLD_SLOT_BLOCK, SLOT_BLOCK

STRIDE = 700  # of the second cuts only so many are done; `make campaign` does more
LEAST_CUTS = 1_000


@pytest.mark.parametrize("block", [SLOT_BLOCK, OLD_SLOT_BLOCK])
def test_old_or_new_never_neither(block: int, tmp_path: Path) -> None:
    counts = cut(tmp_path, 20261124, STRIDE, block)
    assert counts["cuts"] >= LEAST_CUTS
