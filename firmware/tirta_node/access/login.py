# SPDX-License-Identifier: MIT
"""Challenges, logins and guesses at a locked node (FORMAT.md section 13). Called by `unload`.

A guess costs nothing but the time to refuse it: a lock-out is a moment before which guesses are not
looked at, so no sample waits for one.
"""

import struct

from tirta_format import access, access_log, entries, hmac, state
from tirta_node.access import login_notes
from tirta_node.hal import chip

_FREE = 3  # guesses that cost nothing
_FIRST_S = 5
_LONGEST_S = 300
_DAY_S = 86400
_NOTE_MS = 86400000  # one record of a lock-out that goes on, a day


def begin(gate, flash):
    """At a start: a lock-out that was in force is so again, from its beginning."""
    try:
        found = login_notes.LoginNotes(flash)
        gate.wrong = found.wrong
        found.tidy()
    except OSError:
        pass  # status tells of a damaged state (choose_config.py): no reason not to sample
    _lock_out(gate)


def offer():
    """The count that this boot's challenges begin with, so that none was ever sent before, and the
    name of the node's key. Raises OSError when the flash does not remember that.
    """
    found = login_notes.LoginNotes(chip.partition("state"))
    key = found.fields.get(state.KEY, b"")
    if len(key) != access.KEY_SIZE:
        raise OSError(login_notes.CLOSED)
    found.add(entries.CHALLENGED)  # now the count is another one than in any boot before
    return struct.pack("<IH", found.sequence, found.used) + access.key_name(key, chip.node_id())


def handle(gate, sequence, payload):
    """Answer a login."""
    problem = _login(gate, payload)
    if problem:
        gate.console.refuse(sequence, access.NOT_ALLOWED, problem)
    else:
        gate.console.answer(access.LOGIN, sequence, gate.replied)


def _login(gate, payload):
    """Why not, or nothing."""
    nonce, gate.nonce = gate.nonce, b""
    nonces = nonce + payload[: access.NONCE_SIZE]
    claims = payload[access.NONCE_SIZE : -access.PROOF_SIZE]
    role, serial, issued, expires = struct.unpack(access.CLAIMS, claims)
    found = login_notes.LoginNotes(chip.partition("state"))
    key = found.fields.get(state.KEY, b"")
    credential = access.credential_key(key, claims)
    me = chip.node_id()
    proof = access.laptop_proof(credential, me, nonces, claims)
    if len(key) != access.KEY_SIZE or not hmac.equal(proof, payload[-access.PROOF_SIZE :]):
        guessed(gate)
        return "the key is wrong"
    if role not in (access.TECHNICIAN, access.ADMINISTRATOR):
        return "there is no such role"
    clock_s = gate.node.clock.unix_ms() // 1000
    late_s = max(found.floor_s, clock_s) - expires
    if late_s > 0:
        return "the credential has expired: %d days ago by this node's time" % (late_s // _DAY_S)
    early_s = issued - access.latest_issue(found.floor_s, clock_s)
    if early_s > 0:
        return "the credential is issued %d days later than can be" % (early_s // _DAY_S + 1)
    if issued > found.floor_s:
        found.add(entries.FLOOR, issued)
    _note(gate, access_log.LOGIN, role, serial)
    if not gate.remote:
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
    """A wrong guess: remembered before the refusal, and from the third on followed by silence.
    Over a network it ends the talk instead (talk.py), and wears no flash.
    """
    if gate.remote:
        gate.guesses += 1
        return
    try:
        login_notes.LoginNotes(chip.partition("state")).add(entries.WRONG)
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
    floor_ms = login_notes.LoginNotes(chip.partition("state")).floor_s * 1000
    return max(floor_ms, gate.node.clock.unix_ms()) <= wanted_ms <= expires * 1000
