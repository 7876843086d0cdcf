# SPDX-License-Identifier: MIT
"""Read and check a config file: all problems at once, each with its line."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from tirta.boards import board_file
from tirta.boards.model import Board
from tirta.config import board_fit, complaints, document, flash_wear
from tirta.config.alarms import Alarm, AlarmError, entries
from tirta.config.canonical import canonical
from tirta.config.flash_wear import Years
from tirta.config.memory import little_for_a_talk, little_for_another, too_much
from tirta.config.partly import readable
from tirta.config.problems import Lines
from tirta.errors import Problem, TirtaError
from tirta.files import toml_file
from tirta_format import columns

ERASE_MS = 500  # an erase of 4096 bytes lasts 30 to 400 ms
UPLINK_MS = 40  # the node makes a message only where the next sample is so far away


@dataclass(frozen=True)
class CheckedConfig:
    """`text` is what the node keeps; None when there are problems."""

    problems: list[Problem]
    text: bytes | None = None
    board: Board | None = None
    warnings: list[Problem] = field(default_factory=list)  # can be used, and may disappoint
    wear: Years | None = None
    secrets: bytes = b""  # JSON of the passwords in the file, which are not in the text

    def as_json(self) -> dict[str, Any]:
        """Return what `tirta config check --json` prints."""
        return {
            "ok": not self.problems,
            "errors": [p.as_json() for p in self.problems],
            "warnings": [p.as_json() for p in self.warnings],
            "wear_years": self.wear and self.wear.as_json(),
        }


def load(path: Path) -> tuple[bytes, Board]:
    """Load the canonical text and its board. Raises TirtaError with all problems."""
    checked = check(path)
    if checked.text is None or checked.board is None:
        told = "\n".join(f"{p.where}: {p.what}\n  {p.hint}" for p in checked.problems)
        raise TirtaError(f"The config {path} cannot be used.\n{told}", "Nothing was changed.")
    return checked.text, checked.board


def secrets(path: Path) -> bytes:
    """Return the passwords in a config file as JSON, or nothing where it has none."""
    return check(path).secrets


def must_have_no_uplink(text: bytes | None, where: str) -> None:
    """Raise TirtaError for the config of an open node, told as `where`, that names an uplink."""
    if text is not None and "uplink" in json.loads(text):
        raise TirtaError(
            f"{where} has an [uplink], and an open node has none: over a network anybody could talk"
            " to it. Nothing was written.",
            "Leave --open out, so that the node is locked; or take [uplink] out of the config.",
        )


def check(path: Path) -> CheckedConfig:
    """Find everything that is wrong with a config file. Raises TirtaError when it cannot be
    read.
    """
    try:
        text = toml_file.decode(path.read_bytes())
    except UnicodeDecodeError:
        return CheckedConfig([Problem(str(path), "is not a text in UTF-8", "Save it as UTF-8.")])
    except OSError as error:
        raise TirtaError(
            f"Cannot read the config {path}: {error.strerror}.", "Check the path."
        ) from error
    lines = Lines(text, path.name)
    content, mistakes = toml_file.parse(text)
    problems = [Problem(f"{path.name}:{m.line}", m.what, m.hint) for m in mistakes]
    if content is None:
        return CheckedConfig(problems)
    config, kept, more = readable(content, lines)
    problems += more
    try:
        board = board_file.load(str(content.get("board", "")))
    except TirtaError as error:
        told = [Problem(lines.where(("board",)), error.what, error.hint)]
        return CheckedConfig(problems + (told if content.get("board") else []))
    problems += board_fit.unread(content, kept, board, lines)
    if config is None:
        return CheckedConfig(_in_order(problems))
    problems += board_fit.problems(config, board, lines.only(kept))
    encoded, wrong = _encoded(config, kept, board, lines)
    told_there = {problem.where for problem in problems}
    problems += (p for p in wrong if p.where not in told_there)
    plain = json.loads(encoded)
    if not problems:
        apart = _alarms_apart(lines, encoded, list(enumerate(config.alarm)), board)
        problems = [*too_much(plain, apart), *_too_fast_for_an_uplink(plain, lines)]
    if problems:
        return CheckedConfig(_in_order(problems))
    told = [
        *_slow_flash(plain, lines),
        *flash_wear.warnings(plain, board, lines),
        *little_for_a_talk(plain, lines),
        *little_for_another(plain, lines),
    ]
    hidden = config.uplink.secrets if config.uplink else {}
    kept_apart = json.dumps(hidden, separators=(",", ":")).encode() if hidden else b""
    return CheckedConfig([], encoded, board, told, flash_wear.of(plain, board), kept_apart)


def _encoded(
    config: document.Config, kept: list[int], board: Board, lines: Lines
) -> tuple[bytes, list[Problem]]:
    """The node's form of what the board has pins for, and what the node's rules say to it."""
    there = [i for i, c in enumerate(config.channel) if not board_fit.names_missing_pin(c, board)]
    channels = [config.channel[i] for i in there]
    whole = len(there) == len(config.channel) == max(kept, default=-1) + 1
    problems: list[Problem] = []
    alarms = list(enumerate(config.alarm if whole else ()))
    while True:
        of = {"channel": channels, "alarm": [alarm for _, alarm in alarms]}
        try:
            encoded = canonical(config.model_copy(update=of), board)
            break
        except AlarmError as error:
            i, _ = alarms.pop(error.index)
            problems.append(Problem(lines.where(("alarm", i)), error.what, error.hint))
    if channels:
        told = _alarms_apart(lines.only([kept[i] for i in there]), encoded, alarms, board)
        problems += complaints.of_format(encoded, told)
    return encoded, problems


def _alarms_apart(
    lines: Lines, encoded: bytes, alarms: list[tuple[int, Alarm]], board: Board
) -> Lines:
    """The file as the node's form counts its alarms."""
    plain = json.loads(encoded)
    given = plain["channels"], plain["interval_ms"], board
    return lines.only([i for i, alarm in alarms for _ in entries([alarm], *given)], "alarm")


def _in_order(problems: list[Problem]) -> list[Problem]:
    """By their lines; what has none comes last."""

    def line(problem: Problem) -> float:
        number = problem.where.split(":")[1:2]
        return int(number[0]) if number and number[0].isdecimal() else float("inf")

    return sorted(problems, key=line)


def _too_fast_for_an_uplink(config: dict[str, Any], lines: Lines) -> Iterator[Problem]:
    """The channel beside which no message would ever be made."""
    found = _sampled_below(UPLINK_MS + 1, config, lines) if "uplink" in config else iter(())
    for where, name, period_ms in islice(found, 1):
        yield Problem(
            where,
            f"Channel {name} is sampled every {period_ms} ms: that leaves an uplink no time to"
            " send.",
            f"Beside an uplink samples are more than {UPLINK_MS} ms apart.",
        )


def _sampled_below(
    least_ms: int, config: dict[str, Any], lines: Lines
) -> Iterator[tuple[str, str, int]]:
    """(where, name, period in ms) of channels that are sampled more often than that."""
    for i, channel in enumerate(config["channels"]):
        period_ms = columns.period_ms(channel, config["interval_ms"])
        if period_ms < least_ms:
            own = "period_ms" in channel
            where = lines.where(("channel", i, "period_s") if own else ("interval_s",))
            yield where, channel["name"], period_ms


def _slow_flash(config: dict[str, Any], lines: Lines) -> Iterator[Problem]:
    """Channels of which an erase takes samples."""
    for where, name, period_ms in _sampled_below(ERASE_MS, config, lines):
        yield Problem(
            where,
            f"Channel {name} is sampled every {period_ms} ms, and the flash is busy"
            f" for up to {ERASE_MS} ms when it erases a page.",
            f"Samples that fall into it are left out and counted; {ERASE_MS / 1000:g} s or more"
            " loses none.",
        )
