# SPDX-License-Identifier: MIT
"""The laptop's side of a locked node's door: logs in when a request needs it, as the least role.

A node names its key with the challenge (FORMAT.md section 13), so another key than its own is never
tried: each would count as a wrong guess. Older firmware names none; then few are tried.
"""

import time
from collections.abc import Callable
from typing import Protocol

from tirta.errors import TirtaError
from tirta.keys.credential import Credential
from tirta.link import protocol
from tirta.link.failures import NotAllowedError
from tirta.link.session import Session
from tirta_format import access

_MOST_GUESSES = 2  # the third wrong one begins a lock-out

Candidates = Callable[[str, int], list[Credential]]


class CanRequest(Protocol):
    """What of `Link` a login needs."""

    def request(self, kind: int, payload: bytes = b"") -> bytes:
        """Send a request, and return the payload of its answer. Raises RefusedError."""


class Guard:
    """Belongs to a link. `candidates(node, role)` finds what may open the node, and
    `expired(node, role)` tells when the last one that could have did expire, or 0.
    """

    def __init__(
        self,
        link: CanRequest,
        node: str,
        candidates: Candidates,
        expired: Callable[[str, int], int] = lambda _node, _role: 0,
    ) -> None:
        self._expired = expired
        self.session: Session | None = None
        self._link = link
        self._node = node
        self._candidates = candidates

    def ready(self, kind: int) -> None:
        """Log in unless the request may be sent as things are. Raises TirtaError."""
        least = protocol.least_role(kind)
        if least > (self.session.role if self.session else access.ANYONE):
            self.log_in(least)

    def may(self, role: int) -> bool:
        """Log in as that, and return whether this computer can."""
        if self.session is None or self.session.role < role:
            if not self._candidates(self._node, role):
                return False
            self.log_in(role)
        return True

    def again(self) -> None:
        """Log in again after the node said no. With its seal, another role is needed; without, it
        may have forgotten the session, or somebody else spoke: then the same role logs in once
        more.
        """
        before = self.session
        self.forget()
        if before and before.ended:
            self.log_in(before.role)
        else:
            self.may(access.ADMINISTRATOR)

    def forget(self) -> None:
        """Forget the session: the node restarted, or forgot it. The next request logs in again."""
        self.session = None

    def log_in(self, role: int) -> None:
        """Prove a credential of at least this role. Raises TirtaError when none is right."""
        self.session = None
        found = self._candidates(self._node, role)
        if not found and (when := self._expired(self._node, role)):
            day = time.strftime("%Y-%m-%d", time.gmtime(when))
            raise TirtaError(
                f"The credential for node {self._node} expired on {day}.",
                "Ask the office for a new one, then: tirta keys import FILE. If that date is still"
                " to come, set this computer's clock.",
            )
        if not found:
            raise TirtaError(
                f"Node {self._node} is locked, and no key on this computer opens it"
                f" for {access.ROLES[role]}s.",
                "Ask the office for a credential, then: tirta keys import FILE",
            )
        guesses = 0
        while found:
            answer = self._link.request(access.CHALLENGE, access.NAMED)
            nonce, name = answer[: access.NONCE_SIZE], answer[access.NONCE_SIZE :]
            credential, *found = self._made_from(name, found)
            session = Session(credential, nonce)
            try:
                session.check(self._link.request(access.LOGIN, session.login()))
            except NotAllowedError as error:
                guesses += 1
                if not found:
                    raise
                if not name and guesses >= _MOST_GUESSES:
                    raise _too_many(self._node) from error
            else:
                self.session = session
                return

    def _made_from(self, name: bytes, found: list[Credential]) -> list[Credential]:
        """The credentials that may be of the key with this name, the likeliest first."""
        if name:
            found = [c for c in found if c.name in {name, b""}]
            found.sort(key=lambda c: c.name != name)
        if not found:
            raise TirtaError(
                f"Node {self._node} is locked with another key than those on this computer.",
                "Its key was changed, perhaps: ask the office for a new credential. In the office:"
                " tirta keys list",
            )
        return found


def _too_many(node: str) -> TirtaError:
    return TirtaError(
        f"{_MOST_GUESSES} keys were wrong for node {node}, and one more would lock everybody out"
        " for a while.",
        "Its firmware is older and does not say which key it has. If you know its fleet:"
        " tirta keys use FLEET, then run the command again.",
    )
