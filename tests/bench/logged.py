# SPDX-License-Identifier: MIT
"""A virtual node with days in its log, for tests and benches of the link."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import scenario_ended

from tirta import config, virtual
from tirta.virtual.demo_config import DEMO_CONFIG
from tirta.virtual.inlet import write

LOGGED = "logged"  # its name


@contextlib.contextmanager
def logged_node(
    folder: Path, minutes: int, text: bytes | None = None, **options: Any
) -> Iterator[virtual.VirtualNode]:
    """A node in `folder` that has logged `minutes` of the demo's water, and goes on."""
    scenario = folder / "inlet.csv"
    write(scenario, minutes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIRTA_VIRTUAL_DIR", str(folder / "virtual"))
        node = virtual.up(
            LOGGED,
            scenario=scenario,
            speed="max",
            app=True,
            config=text or config.load(DEMO_CONFIG)[0],
            **options,
        )
        try:
            scenario_ended(LOGGED)
            yield node
        finally:
            virtual.down(LOGGED)
