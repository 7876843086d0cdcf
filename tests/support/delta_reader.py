# SPDX-License-Identifier: MIT
"""A reader of a Delta Lake table, from its log alone: written from delta-io/delta, PROTOCOL.md
(actions `add` and `remove`; a partition's values are in the action and not in the file). It shares
no code with what it judges.
"""

import json
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq


def files(table: Path) -> dict[str, dict[str, str]]:
    """The files of the newest version, with the values of their partition."""
    found: dict[str, dict[str, str]] = {}
    commits = sorted((table / "_delta_log").glob("?" * 20 + ".json"))
    assert [int(one.stem) for one in commits] == list(range(len(commits))), "a version lacks"
    for one in commits:
        for line in one.read_text(encoding="utf-8").splitlines():
            action = json.loads(line)
            if "remove" in action:
                del found[action["remove"]["path"]]
            if "add" in action:
                assert action["add"]["path"] not in found
                found[action["add"]["path"]] = action["add"]["partitionValues"]
    return found


def rows(table: Path, columns: list[str]) -> pa.Table:
    """All rows, some columns, in the order of these."""
    parts = []
    for name, values in files(table).items():
        part = pq.read_table(table / unquote(name), partitioning=None)
        for key, value in values.items():
            part = part.append_column(key, pa.repeat(pa.scalar(value, pa.string()), len(part)))
        parts.append(part.select(columns))
    return pa.concat_tables(parts).sort_by([(name, "ascending") for name in columns])
