# SPDX-License-Identifier: MIT
"""A config file with mistakes in it: what of it can be judged all the same.

One wrong word must not hide the mistakes elsewhere, so channels that cannot be read are left out
and the others are checked against the board and the node's rules as if they stood alone.
"""

from typing import Any

from pydantic import ValidationError

from tirta.config import complaints, document
from tirta.config.problems import Lines
from tirta.errors import Problem


def readable(
    content: dict[str, Any], lines: Lines
) -> tuple[document.Config | None, list[int], list[Problem]]:
    """Read what can be read, which channels of the file that are, and every complaint about the
    rest.
    """
    channels = content.get("channel")
    count = len(channels) if isinstance(channels, list) else 0
    booleans = list(complaints.of_booleans(content, lines))
    try:
        config = document.Config.model_validate(content)
    except ValidationError as error:
        errors = [e for e in error.errors() if not _left_out(e, lines)]
        problems = [complaints.of_pydantic(e, content, lines) for e in errors]
        told = {problem.where for problem in problems}
        problems += [problem for problem in booleans if problem.where not in told]
        return *_rest(content, error.errors()), problems
    return (None if booleans else config), list(range(count)), booleans


def _left_out(error: Any, lines: Lines) -> bool:
    """Whether a key is missing only because its line could not be read."""
    return error["type"] == "missing" and lines.has(complaints.place_of(error))


def _rest(content: dict[str, Any], errors: list[Any]) -> tuple[document.Config | None, list[int]]:
    channels = content.get("channel")
    if not isinstance(channels, list):
        return None, []
    of_channels = {e["loc"][1] for e in errors if e["loc"][0] == "channel" and len(e["loc"]) > 1}
    kept = [i for i in range(len(channels)) if i not in of_channels]
    wrong = {e["loc"][0] for e in errors} | ({"alarm"} if of_channels else set())
    slim = {key: value for key, value in content.items() if key not in wrong}
    try:
        whole = slim | {"channel": [channels[i] for i in kept]}
        return document.Config.model_validate(whole), kept
    except ValidationError:
        return None, kept
