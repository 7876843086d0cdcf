# SPDX-License-Identifier: MIT
"""Board files: what a board is, told by a TOML file in `boards/`.

A *board* is such a file, and nothing else knows its name: code asks it for a capability, as in
`board.pin("flow")`, `board.analog`, `board.counter_units`. boards/README.md describes the keys;
`tirta.boards.rules` has the rules that a board must keep.
"""

from pathlib import Path

from pydantic import ValidationError

from tirta.boards import rules
from tirta.boards.model import Board
from tirta.errors import TirtaError
from tirta.files import toml_file
from tirta.files.paths import boards_dir, user_dir


def names() -> list[str]:
    """Return every board there is, ours and this user's: the mere existence of a file makes one."""
    return sorted({path.stem for folder in _folders() for path in folder.glob("*.toml")})


def own_dir() -> Path:
    """Return where this user's own board files are found by their names."""
    return user_dir() / "boards"


def _folders() -> tuple[Path, Path]:
    return boards_dir(), own_dir()


def load(name_or_path: str | Path) -> Board:
    """Read and check a board: a name from `names()`, or the path of a TOML file."""
    path = _locate(name_or_path)
    try:
        document = toml_file.load(path)
    except OSError as error:
        raise TirtaError(
            f"Cannot read the board file {path}: {error.strerror}.", "Check the path."
        ) from error
    try:
        board = Board.model_validate({**document, "name": path.stem})
    except ValidationError as error:
        raise _for_a_person(path, error) from error
    problems = rules.problems(board)
    if problems:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise TirtaError(f"{path}: {first.where}: {first.what}{more}", first.hint)
    return board


def named(name: str) -> Board:
    """Load the board of this name, and never a path: for names that a node or a file says."""
    if name not in names():
        raise TirtaError(
            f"There is no board {name!r}.",
            f"Known: {', '.join(names())}. A board file of your own is found by its name in"
            f" {own_dir()}.",
        )
    return load(name)


def _locate(name_or_path: str | Path) -> Path:
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or text.endswith(".toml") or "/" in text:
        return Path(name_or_path)
    if text not in names():
        raise TirtaError(
            f"There is no board {text!r}.",
            f"Choose one of: {', '.join(names())}; or give the path of a board file. A board file"
            f" of your own is found by its name in {own_dir()}.",
        )
    found = [folder / f"{text}.toml" for folder in _folders()]
    ours, own = (path.is_file() for path in found)
    if ours and own:
        raise TirtaError(
            f"There are two boards {text!r}: {found[0]} and {found[1]}.",
            "Give yours a name of its own: a node tells its board by it.",
        )
    return found[0] if ours else found[1]


def _for_a_person(path: Path, error: ValidationError) -> TirtaError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    keys = boards_dir() / "README.md"
    hint = {
        "extra_forbidden": f"Remove {key} or correct it; {keys} lists the keys.",
        "missing": f"Add {key}; {keys} says what it means.",
    }.get(first["type"], f"Correct {key}; {keys} says what it may be.")
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return TirtaError(f"{path}: {key}: {first['msg']}{more}", hint)
