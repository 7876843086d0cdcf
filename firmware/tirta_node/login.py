# SPDX-License-Identifier: MIT
"""Challenges, logins and guesses at a locked node (FORMAT.md section 13). Called by `rarely`.

A guess costs nothing but the time to refuse it: a lock-out is a moment before which guesses are not
looked at, so no sample waits for one.
"""

import json
import os
import struct

from tirta_format import access, access_log, entries, frame, hmac, state
from tirta_node import diary
from tirta_node.hal import chip

_FREE = 3  # guesses that cost nothing
_FIRST_S = 5
_LONGEST_S = 300
_NOTE_MS = 86400000  # one record of a lock-out that goes on, a day


def begin(gate, flash):
    """At a start: a lock-out that was in force is so again, from its beginning."""
    found = diary.Diary(flash)
    found.tidy()
    gate.wrong = found.wrong
    _lock_out(gate)


def handle(gate, kind, sequence, payload):
    """Answer a challenge or a login."""
    wait_ms = gate.quiet_from - gate.node.clock.uptime_ms()
    if kind == access.LOGIN and payload and payload == gate.said and gate.claims:
        gate.console.answer(kind, sequence, gate.replied)  # its answer got lost
    elif wait_ms > 0:
        text = "too many wrong keys: wait %d s" % (wait_ms // 1000 + 1)
        gate.console.refuse(sequence, access.LOCKED_OUT, text)
    elif kind == access.CHALLENGE:
        gate.console.answer(kind, sequence, _challenge(gate))
    else:
        problem = _login(gate, payload)
        if problem:
            gate.console.refuse(sequence, access.NOT_ALLOWED, problem)
        else:
            gate.console.answer(kind, sequence, gate.replied)


def _challenge(gate):
    """Sixteen bytes that this node never sent before: a count that only grows, and chance."""
    found = diary.Diary(chip.partition("state"))
    if not gate.challenged:
        found.add(entries.CHALLENGED)  # now the count is another one than in any boot before
        gate.challenged = True
    count = struct.pack("<IH", found.sequence, found.used)
    gate.nonce = count + os.urandom(access.NONCE_SIZE - len(count))
    return gate.nonce


def _login(gate, payload):
    """Why not, or nothing."""
    size = struct.calcsize(access.CLAIMS)
    nonce, gate.nonce = gate.nonce, b""
    if not nonce:
        return "ask for a challenge first"
    if len(payload) != access.NONCE_SIZE + size + access.PROOF_SIZE:
        raise ValueError("the login is %d bytes long" % len(payload))
    nonces = nonce + payload[: access.NONCE_SIZE]
    claims = payload[access.NONCE_SIZE : -access.PROOF_SIZE]
    role, serial, issued, expires = struct.unpack(access.CLAIMS, claims)
    found = diary.Diary(chip.partition("state"))
    key = found.fields.get(state.KEY, b"")
    credential = access.credential_key(key, claims)
    me = chip.node_id()
    proof = access.laptop_proof(credential, me, nonces, claims)
    if len(key) != access.KEY_SIZE or not hmac.equal(proof, payload[-access.PROOF_SIZE :]):
        guessed(gate)
        return "the key is wrong"
    if role not in (access.TECHNICIAN, access.ADMINISTRATOR):
        return "there is no such role"
    now_s = max(found.floor_s, gate.node.clock.unix_ms() // 1000)
    if now_s > expires:
        return "the credential has expired"
    if issued > found.floor_s:
        found.add(entries.FLOOR, issued)
    _note(gate, access_log.LOGIN, role, serial)
    if found.wrong:
        found.add(entries.RIGHT)
    gate.wrong = 0
    gate.noted_ms = -1
    gate.counter = gate.forgeries = 0
    gate.said = payload
    gate.keys = access.session_keys(credential, me, nonces)
    gate.claims = claims
    gate.replied = access.node_proof(credential, me, nonces, claims)
    return ""


def guessed(gate):
    """A wrong guess: remembered before the refusal, and from the third on followed by silence."""
    try:
        diary.Diary(chip.partition("state")).add(entries.WRONG)
    except OSError:
        pass  # it counts until the next start all the same
    gate.wrong += 1
    _lock_out(gate)


def _lock_out(gate):
    """One record when it begins, then one a day: guesses shall not push data out of the log."""
    if gate.wrong < _FREE:
        return
    now_ms = gate.node.clock.uptime_ms()
    wait_s = min(_LONGEST_S, _FIRST_S << min(10, gate.wrong - _FREE))
    gate.quiet_from = now_ms + wait_s * 1000
    if gate.noted_ms < 0 or now_ms - gate.noted_ms >= _NOTE_MS:
        gate.noted_ms = now_ms
        _note(gate, access_log.LOCKED_OUT, access.ANYONE, 0)


def _note(gate, what, role, serial):
    note(gate.node, what, role, serial, gate.wrong)


def note(node, what, role, serial, wrong=0):
    """Say in the log who did what."""
    if node.sampler:
        node.keeper.log.note(access_log.record(node.clock.uptime_ms(), what, role, serial, wrong))


def may_set(gate, payload):
    """Whether the session may set the clock to what the request says."""
    role, _, _, expires = struct.unpack(access.CLAIMS, gate.claims)
    if role >= access.ADMINISTRATOR or len(payload) != 12:
        return True
    wanted_ms = struct.unpack("<QI", payload)[0]
    floor_ms = diary.Diary(chip.partition("state")).floor_s * 1000
    return max(floor_ms, gate.node.clock.unix_ms()) <= wanted_ms <= expires * 1000


def public_status(gate, sequence):
    """What anyone may know."""
    wait_ms = max(0, gate.quiet_from - gate.node.clock.uptime_ms())
    told = {"node": chip.node_id(), "mode": "locked", "locked_out_s": (wait_ms + 999) // 1000}
    gate.console.answer(frame.STATUS, sequence, json.dumps(told).encode())
