# SPDX-License-Identifier: MIT
"""The laptop's side of a locked node's door: logs in when a request needs it, as the least role."""

from collections.abc import Callable
from typing import Protocol

from tirta.errors import TirtaError
from tirta.keys.credential import Credential
from tirta.session import Session
from tirta_format import access, roles

Candidates = Callable[[str, int], list[Credential]]


class Requests(Protocol):
    """What of `Link` a login needs."""

    def request(self, kind: int, payload: bytes = b"") -> bytes: ...


class Guard:
    """Belongs to a link. `candidates(node, role)` finds what may open the node."""

    def __init__(self, link: Requests, node: str, candidates: Candidates) -> None:
        self.session: Session | None = None
        self._link = link
        self._node = node
        self._candidates = candidates

    def ready(self, kind: int) -> None:
        """Log in unless the request may be sent as things are. Raises TirtaError."""
        least = roles.LEAST.get(kind, access.ADMINISTRATOR)
        if least > (self.session.role if self.session else access.ANYONE):
            self.log_in(least)

    def may(self, role: int) -> bool:
        """Whether this computer can log in as that; logs in."""
        if self.session is None or self.session.role < role:
            if not self._candidates(self._node, role):
                return False
            self.log_in(role)
        return True

    def again(self) -> None:
        """The node said no: it has forgotten the session, or another role is needed."""
        self.forget()
        self.may(access.ADMINISTRATOR)

    def forget(self) -> None:
        """The node restarted, or forgot: the next request logs in again."""
        self.session = None

    def log_in(self, role: int) -> None:
        """Prove a credential of at least this role. Raises TirtaError when none is right."""
        self.session = None
        found = self._candidates(self._node, role)
        if not found:
            raise TirtaError(
                f"Node {self._node} is locked, and no key on this computer opens it"
                f" for {access.ROLES[role]}s.",
                "Ask the office for a credential, then: tirta keys import FILE",
            )
        last: TirtaError | None = None
        for credential in found:
            session = Session(credential, self._link.request(access.CHALLENGE))
            try:
                answer = self._link.request(access.LOGIN, session.login())
            except TirtaError as error:
                if getattr(error, "code", 0) != access.NOT_ALLOWED:
                    raise
                last = error
                continue
            session.check(answer)
            self.session = session
            return
        assert last is not None  # noqa: S101  there was a candidate, and it did not do
        raise last
