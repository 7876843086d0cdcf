# SPDX-License-Identifier: MIT
"""What a config file would change on a node, and the JSON Schema that editors check it against."""

import difflib
from typing import Any

from tirta.config.document import Config
from tirta.config.writing import to_toml


def diff(on_node: bytes, in_file: bytes) -> list[str]:
    """Compare two configs: lines with - and +, in the words of a config file; empty when the node
    would do the same.
    """
    if on_node == in_file:
        return []
    before = to_toml(on_node).splitlines() if on_node else []
    after = to_toml(in_file).splitlines()
    return list(difflib.unified_diff(before, after, "node", "file", n=2, lineterm=""))


def schema() -> dict[str, Any]:
    """Describe a config file as JSON Schema (draft 2020-12) of a config file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Config.model_json_schema(),
        "title": "Config of a Tirta node",
    }
