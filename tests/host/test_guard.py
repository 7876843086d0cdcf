# SPDX-License-Identifier: MIT
"""Which credential a laptop proves, and what it makes of a node's no: any number of fleets, roles
and dates, against a node that checks logins with the cryptography package instead of our code.
"""

import contextlib
import hashlib
import hmac
import secrets
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from generated import given, settings
from hypothesis import strategies as st

from tirta.errors import TirtaError
from tirta.keys.credential import Credential
from tirta.keys.vault import Vault
from tirta.link.failures import NotAllowedError
from tirta.link.login import Guard
from tirta.link.session import Session
from tirta_format import access, frame, seals

NODE = "02fb6be3ee96"
CHALLENGE, LOGIN, REFUSAL = 0x18, 0x19, 0xFF
TECHNICIAN, ADMINISTRATOR = 1, 2
FLEETS = {name: hashlib.sha256(name.encode()).digest() for name in "abcdef"}


def expand(key: bytes, info: bytes, length: int = 32) -> bytes:
    return HKDFExpand(SHA256(), length, info).derive(key)


def key_of(fleet: str) -> bytes:
    """FORMAT.md section 13, by other code."""
    return HKDF(SHA256(), 32, b"tirta", b"node " + NODE.encode()).derive(FLEETS[fleet])


def tag(key: bytes, *parts: bytes) -> bytes:
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()[:16]


@dataclass
class FakeNode:
    """A locked node of a fleet; older ones do not name their key."""

    fleet: str
    names_its_key: bool = True
    floor: int = 0
    guesses: int = 0
    logins: list[int] = field(default_factory=list)  # roles
    nonce: bytes = b""

    def request(self, kind: int, payload: bytes = b"") -> bytes:
        key = key_of(self.fleet)
        if kind == CHALLENGE:
            self.nonce = secrets.token_bytes(16)
            named = self.names_its_key and payload == b"\1"
            return self.nonce + (expand(key, b"name " + NODE.encode(), 8) if named else b"")
        assert kind == LOGIN
        laptop, claims, proof = payload[:16], payload[16:29], payload[29:]
        credential = expand(key, b"credential " + claims)
        nonces, self.nonce = self.nonce + laptop, b""
        if tag(credential, b"laptop ", NODE.encode(), nonces, claims) != proof:
            self.guesses += 1
            raise NotAllowedError(6, "The node refuses: the key is wrong.")
        role, _, _, expires = struct.unpack("<BIII", claims)
        if expires < self.floor:
            raise NotAllowedError(6, "The node refuses: the credential has expired.")
        self.logins.append(role)
        return tag(credential, b"node ", NODE.encode(), nonces, claims)


def guard_of(node: FakeNode, kept: Vault) -> Guard:
    return Guard(node, NODE, kept.candidates)


@st.composite
def vaults(draw: st.DrawFn) -> Vault:
    """Any fleets, one of them in use, and credentials of some, some of an older program."""
    fleets = draw(st.lists(st.sampled_from(sorted(FLEETS)), unique=True))
    kept = Vault({name: FLEETS[name] for name in fleets}, draw(st.sampled_from([*fleets, ""])))
    for _ in range(draw(st.integers(0, 5))):
        key = key_of(draw(st.sampled_from(sorted(FLEETS))))
        role = draw(st.sampled_from([TECHNICIAN, ADMINISTRATOR]))
        days = draw(st.sampled_from([-30, 7, 400]))
        made = Credential.make(key, NODE, role, serial=draw(st.integers(1, 99)), days=days)
        if draw(st.integers(0, 3)) == 0:
            made = Credential(made.node, made.claims, made.key)
        kept.add(made)
    return kept


@settings(deadline=None, max_examples=150)
@given(vaults(), st.sampled_from(sorted(FLEETS)), st.sampled_from([TECHNICIAN, ADMINISTRATOR]))
def test_the_key_of_another_fleet_costs_no_guess(kept: Vault, fleet: str, role: int) -> None:
    node = FakeNode(fleet)
    guard = guard_of(node, kept)
    now = time.time()
    name = expand(key_of(fleet), b"name " + NODE.encode(), 8)
    good = [c for c in kept.credentials if c.name == name and c.role >= role and c.expires > now]
    unnamed = [c for c in kept.credentials if not c.name and c.role >= role and c.expires > now]
    if fleet in kept.fleets or good:
        guard.log_in(role)
        least = min([c.role for c in good] or [role])
        assert node.logins == [least], "the least role that does"
        assert node.guesses == 0
    elif not unnamed:
        with pytest.raises(TirtaError, match=r"another key|no key on this computer"):
            guard.log_in(role)
        assert node.guesses == 0
    else:  # issued by an older program: nobody can tell
        opens = any(c.key == expand(key_of(fleet), b"credential " + c.claims) for c in unnamed)
        with contextlib.nullcontext() if opens else pytest.raises(TirtaError):
            guard.log_in(role)
        assert node.guesses <= len(unnamed)


@settings(deadline=None, max_examples=50)
@given(vaults(), st.sampled_from(sorted(FLEETS)))
def test_a_node_that_names_no_key_is_not_locked_out(kept: Vault, fleet: str) -> None:
    node = FakeNode(fleet, names_its_key=False)
    with contextlib.suppress(TirtaError):
        guard_of(node, kept).log_in(TECHNICIAN)
    assert node.guesses <= 2
    if kept.use == fleet and not kept.credentials:
        assert node.logins == [TECHNICIAN]
        assert node.guesses == 0


def test_four_fleets_in_alphabetical_order_do_not_lock_the_office_out() -> None:
    for names_its_key, most in ((True, 0), (False, 2)):
        node = FakeNode("f", names_its_key)
        kept = Vault({n: FLEETS[n] for n in "abcf"}, "a")
        guard = guard_of(node, kept)
        if names_its_key:
            guard.log_in(ADMINISTRATOR)
        else:
            with pytest.raises(TirtaError, match="one more would lock") as told:
                guard.log_in(ADMINISTRATOR)
            assert "keys use" in told.value.hint
        assert node.guesses == most
        kept.use = "f"
        guard.log_in(ADMINISTRATOR)


def test_while_a_key_is_changed_the_credentials_of_both_are_kept() -> None:
    kept = Vault()
    for serial, fleet in enumerate("ab"):
        kept.add(Credential.make(key_of(fleet), NODE, TECHNICIAN, serial=serial, days=7))
    for fleet in "ab":
        node = FakeNode(fleet)
        guard_of(node, kept).log_in(TECHNICIAN)
        assert node.guesses == 0


def session() -> tuple[Session, Callable[[int, int], bytes]]:
    """A session, and what seals an empty answer to its request with this sequence and counter."""
    made = Credential.own(key_of("a"), NODE, TECHNICIAN)
    nonce = bytes(16)
    opened = Session(made, nonce)
    nonces = nonce + opened.login()[:16]
    keys = access.session_keys(made.key, NODE, nonces)

    def answer(sequence: int, counter: int) -> bytes:
        kind = frame.STATUS + frame.ANSWER
        sealed = seals.seal(keys[1], 0x9A, sequence, counter, kind, b"")
        return bytes(sealed)

    return opened, answer


@given(st.integers(0, 255), st.binary(max_size=30))
def test_a_refusal_without_a_seal_ends_a_session_and_says_nothing_else(
    code: int, text: bytes
) -> None:
    opened, answer = session()
    said = bytes((code,)) + text
    opened.seal(frame.STATUS, 1, b"")
    assert opened.open_(REFUSAL, 1, said) is None, "no answer came with a seal yet"
    assert opened.open_(0x9A, 1, answer(1, 1)) == (frame.STATUS + frame.ANSWER, b"")
    opened.seal(frame.STATUS, 2, b"")
    found = opened.open_(REFUSAL, 2, said)
    assert (found is not None) == (code == 6) == opened.ended


@pytest.mark.parametrize("sealed", [False, True])
def test_a_plain_no_does_not_make_an_administrator_of_a_technician(*, sealed: bool) -> None:
    node = FakeNode("a")
    kept = Vault({"a": FLEETS["a"]}, "a")
    kept.add(Credential.make(key_of("a"), NODE, TECHNICIAN, serial=1, days=7))
    guard = guard_of(node, kept)
    guard.log_in(TECHNICIAN)
    session = guard.session
    assert session
    session.ended = not sealed
    guard.again()
    assert node.logins == [TECHNICIAN, ADMINISTRATOR if sealed else TECHNICIAN]


def test_an_expired_credential_is_told_with_its_day() -> None:
    claims = access.claims(access.TECHNICIAN, 7, 1, 86_400 * 366)
    kept = Vault({}, credentials=[Credential("n", claims, bytes(32))])
    guard = Guard(FakeNode("a"), "n", kept.candidates, kept.expired)
    with pytest.raises(TirtaError, match="expired on 1971-01-02"):
        guard.log_in(access.TECHNICIAN)
    with pytest.raises(TirtaError, match="no key on this computer"):
        guard.log_in(access.ADMINISTRATOR)
