# SPDX-License-Identifier: MIT
"""What a node can be asked to do with its lock: get a key, another one, none, or open its REPL.

Whatever changes who may talk to it is believed when the node has proved it, and remembered.
"""

import struct
import time

from tirta.errors import TirtaError
from tirta.keys import memory
from tirta.keys.credential import Credential
from tirta.link import repl
from tirta.link.conversation import RESTART_S, Conversation
from tirta.link.failures import RefusedError
from tirta.link.login import Guard
from tirta.link.serial_line import Line
from tirta.patience import Patience
from tirta_format import access


class Keyed(Conversation):
    """A node that is locked, or may be."""

    def lock(self, key: bytes) -> None:
        """Give an open node its key, and lock it: return when it has proved that it has the key.

        The key travels as it is. Raises DowngradeError where the node is known as locked.
        """
        node = self.hello.node
        if self._may_be_open != node:
            memory.must_not_be_open(node)
        self.link.request(access.MODE, b"\x01" + key, think_s=3)
        memory.remember(node, memory.LOCKED, "lock")
        self._may_be_open = ""
        try:
            self.wait_until_back()
        except memory.DowngradeError as error:
            raise TirtaError(
                f"Node {node} took the key and still says that it is open: it is not locked.",
                "Whoever answers has that key now: do not use it for this node. Look at the board"
                " and its cable; if they are right, lock it with another fleet's: --fleet NEW.",
            ) from error
        self._prove(key)

    def make_open(self) -> None:
        """Leave the locked mode, as administrator."""
        self.link.request(access.MODE, b"\x00", think_s=3)
        memory.remember(self.hello.node, memory.OPEN, "unlock")
        self.wait_until_back()

    def change_key(self, key: bytes) -> None:
        """Give a locked node another key, encrypted on its way; return when it proved it."""
        guard = self._guard()
        guard.may(access.ADMINISTRATOR)
        guard.ready(access.KEY)
        assert guard.session  # noqa: S101  ready logs in, or raises
        self.link.request(access.KEY, guard.session.encrypt(key), think_s=3)
        guard.forget()
        self._prove(key)

    def _prove(self, key: bytes) -> None:
        """Let the node prove that it has the key. Raises TirtaError where it does not."""
        made = Credential.own(key, self.hello.node, access.ADMINISTRATOR)
        prover = Guard(self.link, self.hello.node, lambda _node, _role: [made])
        known, self.link.guard = self.link.guard, prover
        try:
            prover.log_in(access.ADMINISTRATOR)
        except RefusedError as error:
            raise TirtaError(
                f"Node {self.hello.node} does not have the key that it was given.",
                "It is not locked with it. Look at the board and its cable before you try again.",
            ) from error
        finally:
            self.link.guard = known
        if known:
            known.session = prover.session

    def set_floor(self, unix_s: int) -> None:
        """Set the time before which credentials have expired for a locked node."""
        self._guard()
        self.link.request(access.FLOOR, struct.pack("<I", unix_s), think_s=3)

    def unlock(self) -> None:
        """Open a locked node's REPL until its next hard reset; return when a prompt answers."""
        line = self.line
        if not isinstance(line, Line):
            raise TirtaError(
                "A node's prompt is not to be had over a network.", "Go there with a cable."
            )
        self._guard()
        self.link.request(access.UNLOCK, think_s=3)
        self.link.guard = None
        whole = Patience(RESTART_S, f"for the prompt of the node on {self.line.port}")
        time.sleep(0.5)
        line.drain()
        while repl.ask(line) is None:
            whole.turn_s(0)
            if whole.over:
                raise TirtaError(
                    f"The node on {self.line.port} shows no prompt.",
                    "`tirta ports` tells what it runs; then try again.",
                )

    def _guard(self) -> Guard:
        if self.link.guard is None:
            raise TirtaError(
                f"Node {self.hello.node} is open: whoever has the cable has the node.",
                "Lock it: tirta lock PORT",
            )
        return self.link.guard
