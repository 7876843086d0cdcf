# SPDX-License-Identifier: MIT
"""Limits of water quality: a dated file that cites its sources, and that a utility can replace.

The file that ships with Tirta is `limits.toml`. Configs, reports and alarms take their limits
from here, so that a page never judges by other figures than a node.
"""

import difflib
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tirta.errors import TirtaError
from tirta.files import toml_file

SHIPPED = Path(__file__).with_name("limits.toml")
_ALIKE = 0.5  # of a key: "latitude" means "lat"
_Text = Annotated[str, Field(min_length=1, max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Told(_Strict):
    """A source as a page prints it: its title, and who quotes it where that was read."""

    title: _Text
    via: str = ""


class Source(Told):
    """Where a figure is from. `seen`: did somebody of us read the document itself?"""

    year: int
    seen: Literal["original", "secondary"]
    language: dict[str, Told] = {}  # the same in others: "id"

    def told(self, language: str) -> Told:
        """Return it in a language, or as it is where nobody translated it."""
        return self.language.get(language, self)


class Limit(_Strict):
    """A range for one parameter in one unit; `strict` excludes the ends themselves."""

    parameter: _Text
    unit: _Text
    low: float | None = None
    high: float | None = None
    strict: bool = False
    relative_to: str = ""  # judged is the difference to this channel
    source: _Text
    note: str = ""

    @model_validator(mode="after")
    def _has_an_end(self) -> "Limit":
        if self.low is None and self.high is None:
            raise ValueError("a limit needs low, high or both")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError("low must be below high")
        return self

    def kept(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which values are within the limit; NaN is not."""
        good = ~np.isnan(values)
        with np.errstate(invalid="ignore"):
            if self.low is not None:
                good &= values > self.low if self.strict else values >= self.low
            if self.high is not None:
                good &= values < self.high if self.strict else values <= self.high
        return good


class Limits(_Strict):
    """The whole file."""

    version: Literal[1]
    checked: date
    source: dict[str, Source]
    limit: list[Limit]

    @model_validator(mode="after")
    def _cites(self) -> "Limits":
        unknown = {one.source for one in self.limit} - set(self.source)
        if unknown:
            raise ValueError(f"no [source.{min(unknown)}] in the file")
        return self

    def of(self, parameter: str, unit: str) -> list[Limit]:
        """Return the limits of a parameter in a unit, the deciding one first."""
        return [one for one in self.limit if (one.parameter, one.unit) == (parameter, unit)]

    def parameters(self) -> list[str]:
        """Return what the file has limits for, in its order."""
        return list(dict.fromkeys(one.parameter for one in self.limit))


def load(path: Path = SHIPPED) -> Limits:
    """Read a limits file; TirtaError names the first thing that is wrong with it."""
    try:
        return Limits.model_validate(toml_file.load(path))
    except OSError as error:
        raise TirtaError(f"Cannot read {path}: {error.strerror}.", "Name a limits file.") from error
    except ValidationError as error:
        raise TirtaError(
            f"{path} is no limits file: {first_problem(error, Limits, Limit, Source, Told)}.",
            f"{SHIPPED} shows the keys.",
        ) from error


def first_problem(error: ValidationError, *known: type[BaseModel]) -> str:
    """Return place and reason of the first problem, without pydantic's own words around them.

    A key that there is not is answered with the one of these models that is most like it.
    """
    problem = error.errors()[0]
    where, key = place(problem["loc"]), str(problem["loc"][-1]) if problem["loc"] else ""
    if problem["type"] == "extra_forbidden":
        keys = {info.alias or name for model in known for name, info in model.model_fields.items()}
        close = difflib.get_close_matches(key, sorted(keys), 1, _ALIKE)
        if close:
            return f"{where}there is no such key, but {close[0]} is one"
        return f"{where}there is no such key"
    if problem["type"] == "missing":
        return f"{where}it is missing"
    return f"{where}{problem['msg'].removeprefix('Value error, ')}"


def place(loc: Iterable[int | str]) -> str:
    """Return `limit.3.low: `, or nothing for the file as a whole."""
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in loc)
    return f"{where}: " if where else ""
