# SPDX-License-Identifier: MIT
"""The config of a node: TOML for people, canonical JSON for the node, and back.

A config names pins of the board (`pin = "analog_1"`), sensors in engineering units and channels in
words; the canonical form has GPIO numbers and integers only (FORMAT.md section 8). Every problem is
told with the line in the file that causes it.
"""

from tirta.config.asking import from_questions, from_words
from tirta.config.canonical import canonical
from tirta.config.comparing import diff, schema
from tirta.config.reading import CheckedConfig, check, load, must_have_no_uplink, secrets
from tirta.config.writing import to_toml
from tirta.errors import Problem

__all__ = [
    "CheckedConfig",
    "Problem",
    "canonical",
    "check",
    "diff",
    "from_questions",
    "from_words",
    "load",
    "must_have_no_uplink",
    "schema",
    "secrets",
    "to_toml",
]
