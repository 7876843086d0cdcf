# SPDX-License-Identifier: MIT
"""Every test has a computer of its own, as far as keys and known nodes go: no test reads or writes
those of whoever runs it, or those of another test.
"""

from itertools import count

import pytest

_NUMBERS = count()


@pytest.fixture(autouse=True)
def _own_keys(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.getbasetemp() / f"computer-{next(_NUMBERS)}"
    monkeypatch.setenv("TIRTA_KEYS", str(folder / "keys"))
