# SPDX-License-Identifier: MIT
"""Read and check a config file: all problems at once, each with its line."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tirta import boards
from tirta.boards import Board
from tirta.config import board_fit, complaints, document
from tirta.config.alarms import AlarmError
from tirta.config.canonical import canonical
from tirta.config.memory import too_much
from tirta.config.problems import Lines, Problem
from tirta.errors import TirtaError
from tirta_format import columns

ERASE_MS = 500  # an erase of 4096 bytes lasts 30 to 400 ms


@dataclass(frozen=True)
class Checked:
    """`text` is what the node keeps; None when there are problems."""

    problems: list[Problem]
    text: bytes | None = None
    board: Board | None = None
    warnings: list[Problem] = field(default_factory=list)  # can be used, and may disappoint

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": not self.problems,
            "errors": [p.as_json() for p in self.problems],
            "warnings": [p.as_json() for p in self.warnings],
        }


def load(path: Path) -> tuple[bytes, Board]:
    """The canonical text and its board, or a TirtaError with all problems."""
    checked = check(path)
    if checked.text is None or checked.board is None:
        told = "\n".join(f"{p.where}: {p.what}\n  {p.hint}" for p in checked.problems)
        raise TirtaError(f"The config {path} cannot be used.\n{told}", "Nothing was changed.")
    return checked.text, checked.board


def check(path: Path) -> Checked:
    """Everything that is wrong with a config file. Raises TirtaError when it cannot be read."""
    try:
        text = path.read_bytes().decode("utf-8-sig")  # Notepad writes a mark in front
    except UnicodeDecodeError:
        return Checked([Problem(str(path), "is not a text in UTF-8", "Save it as UTF-8.")])
    except OSError as error:
        raise TirtaError(
            f"Cannot read the config {path}: {error.strerror}.", "Check the path."
        ) from error
    lines = Lines(text, path.name)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        where = f"{path.name}:{line[1]}" if line else path.name
        return Checked([Problem(where, f"is not valid TOML: {error}", "Correct that line.")])
    config, problems = _parsed(content, lines)
    if config is None:
        return Checked(problems)
    try:
        board = boards.load(config.board)
    except TirtaError as error:
        return Checked([Problem(lines.where(("board",)), error.what, error.hint)])
    problems = list(board_fit.problems(config, board, lines))
    if any(board_fit.names_missing_pin(channel, board) for channel in config.channel):
        return Checked(problems)
    try:
        encoded = canonical(config, board)
    except AlarmError as error:
        where = lines.where(("alarm", error.index))
        return Checked([*problems, Problem(where, error.what, error.hint)])
    told = {problem.where for problem in problems}
    problems += (p for p in complaints.of_format(encoded, lines) if p.where not in told)
    if not problems:
        problems = list(too_much(json.loads(encoded), lines))
    if problems:
        return Checked(problems)
    return Checked([], encoded, board, list(_slow_flash(json.loads(encoded), lines)))


def _parsed(content: dict[str, Any], lines: Lines) -> tuple[document.Config | None, list[Problem]]:
    try:
        config = document.Config.model_validate(content)
    except ValidationError as error:
        return None, [complaints.of_pydantic(e, content, lines) for e in error.errors()]
    booleans = list(complaints.of_booleans(content, lines))
    return None if booleans else config, booleans


def _slow_flash(config: dict[str, Any], lines: Lines) -> Iterator[Problem]:
    """Channels of which an erase takes samples."""
    for i, channel in enumerate(config["channels"]):
        period_ms = columns.period_ms(channel, config["interval_ms"])
        if period_ms < ERASE_MS:
            own = "period_ms" in channel
            yield Problem(
                lines.where(("channel", i, "period_s") if own else ("interval_s",)),
                f"Channel {channel['name']} is sampled every {period_ms} ms, and the flash is busy"
                f" for up to {ERASE_MS} ms when it erases a page.",
                f"Samples that fall into it are left out and counted; {ERASE_MS / 1000:g} s or more"
                " loses none.",
            )
