# SPDX-License-Identifier: MIT
"""What holds a port until the end of a `with`, or until `close`."""

from abc import ABC, abstractmethod
from typing import Self


class Closing(ABC):
    """`close` lets go of it, and may be called again."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the port."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
