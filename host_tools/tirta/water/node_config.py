# SPDX-License-Identifier: MIT
"""A config as a node, or its log, tells it: the one place where it is read.

What a node checks of a config (tirta_format.config) bounds its numbers and not the letters of its
texts, and a liar's was never checked by anybody.
"""

import json
import re
from typing import Any

from tirta.text import bounded
from tirta_format import config as format_config

_NAME = re.compile(r"[a-z][a-z0-9_]*")  # as tirta.config.model has it for what a person writes


def parse(text: bytes) -> dict[str, Any]:
    """Parse the config in `text`, with defaults, each text on one line and printable, and each
    name of a channel one. Raises ValueError that says what is wrong.
    """
    found = bounded(format_config.parse(text))
    assert isinstance(found, dict)  # noqa: S101  a config is one
    for i, channel in enumerate(found["channels"]):
        if not _NAME.fullmatch(channel["name"]):
            raise ValueError(f"channels[{i}].name: must be letters, digits and _")
    return found


def printable(text: bytes) -> bytes:
    """Return the same config without what only its defaults add, its texts printable: to be shown.

    Raises ValueError as `parse` does.
    """
    parse(text)
    found = json.loads(text)
    shown = bounded(found)
    return text if shown == found else json.dumps(shown, separators=(",", ":")).encode()
