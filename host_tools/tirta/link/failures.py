# SPDX-License-Identifier: MIT
"""What may go wrong between a request and its answer: a type for all that callers tell apart."""

from tirta.errors import TirtaError
from tirta.text import clean
from tirta_format import access, frame

_LETTERS = 200  # of what a node says


class NoAnswerError(TirtaError):
    """Nothing that could be a node's answer came, `heard` bytes of something else at most. `Node`
    tries to say why.
    """

    def __init__(self, what: str, hint: str = "", heard: int = 0) -> None:
        super().__init__(what, hint)
        self.heard = heard


class PausedError(NoAnswerError):
    """A node of ours waits at its prompt, and its application runs no more until it goes on."""


class PortBusyError(TirtaError):
    """Another program has the port."""


class RefusedError(TirtaError):
    """The node understood and said no; `code` is FORMAT.md's (section 10)."""

    def __init__(self, code: int, what: str, hint: str = "") -> None:
        super().__init__(what, hint)
        self.code = code


class BadPayloadError(RefusedError):
    """What was asked for is not there, or makes no sense to the node."""


class NotNowError(RefusedError):
    """The node has no time for it, or something else is under way: ask again."""


class NotAllowedError(RefusedError):
    """Who asks may not: another role is needed, or the node knows nothing of the session."""


_TYPES = {
    frame.BAD_PAYLOAD: BadPayloadError,
    frame.NOT_NOW: NotNowError,
    access.NOT_ALLOWED: NotAllowedError,
}
_HINTS = {
    frame.BAD_REQUEST: "The node's firmware is older than this program: `tirta deploy` it.",
    frame.NOT_NOW: "Wait a moment, then run the command again.",
    frame.CONFIG_REFUSED: "Correct that in the config file, then apply it again.",
    access.NOT_ALLOWED: "Log in with another key: `tirta keys list` tells what is here.",
    access.LOCKED_OUT: "Wait so long, then run the command again.",
    frame.FLASH_FAILED: "The flash may be worn out: pull the data, then replace the board.",
}


_AT_A_CABLE = ("cable", "memory")  # what a node says where asking again over a network is no use


def refused(content: bytes, *, is_far: bool = False) -> RefusedError:
    """Make the error of a refusal's payload: its code, and what the node says, at a cable or over a
    network.
    """
    code = content[0] if content else 0
    said = clean(content[1:].decode("utf-8", "replace"), _LETTERS)
    kind = _TYPES.get(code, RefusedError)
    what = f"The node refuses: {said or f'code {code}'}."
    hint = _HINTS.get(code, "")
    if is_far and code == frame.NOT_NOW and any(word in said for word in _AT_A_CABLE):
        hint = "Go there with a cable."
    return kind(code, what, hint)
