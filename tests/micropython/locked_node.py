# SPDX-License-Identifier: MIT
"""A locked node without hardware: the real gate over a flash in RAM, with a clock, a console and a
log that are lists; and a laptop's side of a login. `time` is turned by hand.
"""

import nochip  # noqa: F401 - before anything of ours
from faketime import time  # noqa: F401
from nor import Flash, Random

from tirta_format import access, frame, meta, seals, state
from tirta_node.access import gate
from tirta_node.hal import chip
from tirta_node.state import copies

NODE = "02fb6be3ee96"
KEY = bytes(range(32))
LAPTOP_NONCE = bytes(range(16))
BLOCKS = 8


class Chance:
    """The webassembly port has no os.urandom."""

    urandom = Random(20261124).bytes


gate.os = Chance()


class Clock:
    def __init__(self):
        self.now_ms = 0
        self.unix_s = 0  # unset

    def uptime_ms(self):
        return self.now_ms

    def unix_ms(self):
        return self.unix_s * 1000


class Console:
    greeting = b""

    def __init__(self):
        self.said = None
        self.handle = None
        self.seal = None

    def answer(self, kind, sequence, data):
        kind, data = self.seal(kind + frame.ANSWER, sequence, bytes(data))
        self.said = (kind, bytes(data))

    def refuse(self, sequence, code, text):
        kind, data = self.seal(frame.REFUSAL, sequence, bytes((code,)) + text.encode())
        self.said = (kind, code, text) if kind == frame.REFUSAL else (kind, bytes(data))


class Node:
    """What a gate needs: also its log, a list."""

    def __init__(self, flash, name=NODE):
        chip.partition = lambda name: flash
        chip.node_id = lambda: name
        self.clock = Clock()
        self.console = Console()
        self.dispatcher = self
        self.keeper = self
        self.log = self
        self.sampler = (1,)
        self.notes = []
        self.handled = []
        self.gate = gate.Gate(self, flash)

    def handle(self, kind, sequence, payload):
        self.handled.append(kind)
        self.console.answer(kind, sequence, b"")

    def note(self, payload):
        self.notes.append(meta.parse(payload)[2])

    def ask(self, kind, payload=b""):
        self.gate.handle(kind, 1, memoryview(payload))
        return self.console.said

    def challenge(self):
        kind, nonce = self.ask(access.CHALLENGE)[:2]
        assert kind == access.CHALLENGE + frame.ANSWER
        return nonce

    def login(self, key=KEY, role=access.TECHNICIAN, issued=1, expires=access.NEVER):
        return self.ask(access.LOGIN, payload(self.challenge(), key, role, issued, expires))

    def sealed(self, counter, kind, content=b"payload"):
        """What the session's laptop would send."""
        return seals.seal(self.gate.keys[0], seals.SEALED, 1, counter, kind, content)

    def replies(self, sealed):
        """Whether the gate lets this sealed request through."""
        before = len(self.handled)
        self.ask(seals.SEALED, sealed)
        self.gate.forgeries = 0  # as after a new login, which would cost more
        return len(self.handled) > before


def payload(nonce, key=KEY, role=access.TECHNICIAN, issued=1, expires=access.NEVER):
    claims = access.claims(role, 7, issued, expires)
    credential = access.credential_key(key, claims)
    proof = access.laptop_proof(credential, NODE, nonce + LAPTOP_NONCE, claims)
    return LAPTOP_NONCE + claims + proof


def new_flash(padding=0):
    flash = Flash(BLOCKS)
    fields = {state.SLOT: b"a", state.MODE: b"locked", state.KEY: KEY}
    fields[state.CONFIG] = b"x" * padding
    copies.change(flash, fields)
    return flash


def was_right(said):
    return said[0] == access.LOGIN + frame.ANSWER


def refused(said, code):
    return said[0] == frame.REFUSAL and said[1] == code
