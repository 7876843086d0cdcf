# SPDX-License-Identifier: MIT
"""Cities with nodes that stand in every way, as `tirta receive` keeps them."""

import os
import random
from pathlib import Path

from tirta.archive import standings
from tirta.archive.standings import SILENT_S, Home, Standing


def standing(chance: random.Random, node: str, now: int) -> Standing:
    """A node that stands in some way; each kind of trouble is there, most nodes have none."""
    return Standing(
        node,
        chance.choice([0, now, now - 60, now - 3000, now - SILENT_S, now - SILENT_S - 1]),
        7, 10_000, 10_100, chance.choice([0] * 9 + [3]), chance.choice([0] * 9 + [40]),
        chance.choice([0] * 9 + [7]), chance.choice([40, 40, 1000, 1001, -1]),
        chance.choice(["0.3.0", "0.2.0", ""]), chance.choice([12.5, 11.5, 11.4, None]),
        chance.choice(["", "", "high", "high,leak"]),
    )  # fmt: skip


def write_city(archive: Path, nodes: int, seed: int, now: int, district: str = "") -> None:
    """One city, of ten districts or of the one that is named."""
    chance = random.Random(seed)
    found = [standing(chance, f"02{seed:02x}{i:08x}", now) for i in range(nodes)]
    standings.save(archive, found)
    homes = {
        one.node: Home(district or f"zone{i % 10}", f"Chamber {i}") for i, one in enumerate(found)
    }
    standings.assign(archive, homes)


def write_country(source: Path, cities: int, nodes: int, now: int) -> None:
    """Many cities; every eighth stands as the one eight before it, which saves a minute."""
    for i in range(cities):
        archive = source / f"city{i:03d}"
        if i < 8:
            write_city(archive, nodes, i, now)
        else:
            archive.mkdir()
            name = standings.FILE
            os.link(source / f"city{i % 8:03d}" / name, archive / name)
