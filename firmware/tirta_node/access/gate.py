# SPDX-License-Identifier: MIT
"""The door of a locked node: what a laptop says passes here before `dispatch` hears of it.

Without a login only identity and public status are answered. Afterwards requests come *sealed* with
a counter and a tag, and what answers them goes out sealed (FORMAT.md section 13). Logins themselves
are rare, and in `login`; whatever a stranger may send as often as he likes is answered here, for to
load a module costs samples. In open mode this module is not loaded.
"""

import gc
import os
import struct

from micropython import const

from tirta_format import access, frame, roles, seals
from tirta_node import unload

_LOGIN = "tirta_node.access.login"
_AT_A_CABLE = (frame.RATE, access.MODE, access.UNLOCK)
_COUNT_SIZE = const(6)  # of a challenge: what never repeats
_CHANCE_SIZE = const(10)
_LOGIN_SIZE = const(45)  # nonce, claims, proof
_CLAIMS = const("<BIII")  # as in tirta_format/access.py, which only logins need
_HANG_MS = const(60000)
_FORGERIES = const(3)  # wrong tags that end a session


class Gate:
    """`claims` are those of the session's credential; empty without a session."""

    def __init__(self, node, flash):
        self.node = node
        self._name = unload.call("tirta_node.hal.chip", "node_id")
        self.console = node.console
        self.claims = b""
        self.keys = (b"", b"", b"")  # of the session: for frames in, frames out, secrets
        self.counter = 0  # of the last sealed request; larger ones count
        self.offer = b""  # what this boot's challenges have in common: their count, the key's name
        self.nonce = b""  # of the challenge that waits for its login
        self.said = b""  # the last login and
        self.replied = b""  # its answer, should it come again
        self.remote = False  # whether it is spoken to over a network
        self.guesses = 0  # wrong ones over a network, in this boot: they silence nobody at a cable
        self.wrong = 0  # guesses since the last login
        self.quiet_from = 0  # uptime in ms before which a guess is not even looked at
        self.noted_ms = -1  # uptime of the last lock-out in the log, or -1
        self.forgeries = 0
        self._answering = 0  # the counter that answers carry, or 0: they go out plain
        self.console.seal = self.seal
        self.console.handle = self.handle
        self.console.repl = False
        self.console.greeting += b"It is locked. For mpremote: tirta unlock PORT\r\n"
        self._least = unload.call("tirta_format.roles", "table")
        unload.call(_LOGIN, "begin", self, flash)

    def watch(self):
        """Have a watchdog reset a node without progress; a trial has its own until it ends."""
        if self.node.health is None:
            from tirta_node.health import Health

            feed = unload.call("tirta_node.hal.watchdog", "start", _HANG_MS)
            self.node.health = Health(self.node, feed)

    def handle(self, kind, sequence, payload):
        """Answer one request, or refuse it."""
        self._answering = 0
        try:
            self._handle(kind, sequence, payload)
        except (ValueError, IndexError) as error:
            self.console.refuse(sequence, frame.BAD_PAYLOAD, str(error))
        except OSError as error:
            self.console.refuse(sequence, frame.FLASH_FAILED, str(error))
        except MemoryError:  # of a login, whose module is loaded for it
            gc.collect()
            uplink = getattr(self.node, "uplink", None)
            # A sealed one is taken once, so that only dispatch has it held.
            is_plain = kind != seals.SEALED
            if not (is_plain and uplink and uplink.hold(self.handle, kind, sequence, payload)):
                text = "not enough memory for that now"
                self.console.refuse(sequence, frame.NOT_NOW, text)

    def _handle(self, kind, sequence, payload):
        if kind == seals.SEALED:
            opened = self._open(sequence, payload)
            if opened is None:
                return
            kind, payload = opened
        role = self.role() if self._answering else access.ANYONE
        least = self._least[kind] if kind < 128 else roles.NOBODY
        if role < least:
            self._deny(sequence, least)
        elif kind in _AT_A_CABLE and self.remote:
            self.console.refuse(sequence, frame.NOT_NOW, "this needs a cable")
        elif kind in (access.CHALLENGE, access.LOGIN):
            self._answering = 0
            self._meet(kind, sequence, bytes(payload))
        elif kind == frame.STATUS and not role:
            self._public_status(sequence)
        elif kind == frame.CLOCK_SET and not unload.call(_LOGIN, "may_set", self, payload):
            text = "only an administrator sets the clock back, or beyond the credential"
            self.console.refuse(sequence, access.NOT_ALLOWED, text)
        else:
            self.node.dispatcher.handle(kind, sequence, payload)

    def _meet(self, kind, sequence, payload):
        """Answer a challenge or a login."""
        wait_ms = 0 if self.remote else self.quiet_from - self.node.clock.uptime_ms()
        if kind == access.LOGIN and payload and payload == self.said and self.claims:
            self.console.answer(kind, sequence, self.replied)  # its answer got lost
        elif wait_ms > 0:
            text = "too many wrong keys: wait %d s" % (wait_ms // 1000 + 1)
            self.console.refuse(sequence, access.LOCKED_OUT, text)
        elif kind == access.CHALLENGE:
            if not self.offer:
                self.offer = unload.call(_LOGIN, "offer")
            self.nonce = self.offer[:_COUNT_SIZE] + os.urandom(_CHANCE_SIZE)
            named = payload[:1] == b"\1"
            self.console.answer(
                kind, sequence, self.nonce + (self.offer[_COUNT_SIZE:] if named else b"")
            )
        elif not self.nonce:
            self.console.refuse(sequence, access.NOT_ALLOWED, "ask for a challenge first")
        elif len(payload) != _LOGIN_SIZE:
            self.nonce = b""
            raise ValueError("the login is %d bytes long" % len(payload))
        else:
            nonce = self.nonce
            try:
                unload.call(_LOGIN, "handle", self, sequence, payload)
            except MemoryError:
                self.nonce = nonce  # nobody has looked at that guess
                raise

    def _public_status(self, sequence):
        """What anyone may know."""
        wait_ms = max(0, self.quiet_from - self.node.clock.uptime_ms())
        text = '{"node": "%s", "mode": "locked", "locked_out_s": %d}'
        told = text % (self._name, (wait_ms + 999) // 1000)
        self.console.answer(frame.STATUS, sequence, told.encode())

    def role(self):
        """The role of the session, or ANYONE once its credential has expired."""
        if not self.claims:
            return access.ANYONE
        role, _, _, expires = struct.unpack(_CLAIMS, self.claims)
        if self.node.clock.unix_ms() // 1000 > expires:
            self.claims = b""
            return access.ANYONE
        return role

    def _open(self, sequence, payload):
        """(type, payload) inside a sealed frame, or None: refused."""
        if not self.claims:
            self.console.refuse(sequence, access.NOT_ALLOWED, "log in first")
            return None
        opened = seals.unseal(self.keys[0], seals.SEALED, sequence, payload)
        if opened is None:
            self.forgeries += 1
            if self.forgeries >= _FORGERIES:
                self.forgeries = 0
                self.claims = b""
                unload.call(_LOGIN, "guessed", self)
            self.console.refuse(sequence, access.NOT_ALLOWED, "the tag is wrong")
            return None
        kind, counter, inner = opened
        if counter <= self.counter or kind == seals.SEALED:
            self.console.refuse(sequence, access.NOT_ALLOWED, "this frame came before")
            return None
        self.counter = self._answering = counter
        return kind, inner

    def _deny(self, sequence, least):
        if least > access.ADMINISTRATOR:
            self.console.refuse(sequence, frame.BAD_REQUEST, "no such request on a locked node")
        else:
            text = "this needs the key of a%s" % ("n administrator", " technician")[least == 1]
            self.console.refuse(sequence, access.NOT_ALLOWED, text)

    def seal(self, kind, sequence, data):
        """(kind, data) of an answer or a refusal as it goes out: sealed when what it answers was.

        Frames of a stream stay as they are: the laptop checks pages afterwards (DIGEST).
        """
        if not self._answering or not self.claims:
            return kind, data
        seen = seals.SEALED + frame.ANSWER
        return seen, seals.seal(self.keys[1], seen, sequence, self._answering, kind, data)
