# SPDX-License-Identifier: MIT
"""A locked node under attack on its line: frames recorded, reordered, flipped, reflected, foreign.

Every attack goes to the real firmware. A frame whose CRC is wrong is noise, so each flipped bit
comes with the right CRC.
"""

import json
import random
import struct
import time
from collections.abc import Callable

import pytest
from locked import OTHER_FLEET, Wire, credential, power_cycle, refused, up
from node_configs import config
from nodes import Nodes

from tirta.errors import TirtaError
from tirta.link.session import Session
from tirta_format import access, cobs, frame, seals

# What a technician sends in a visit, with payloads that do something.
VISIT = (
    (frame.STATUS, b""),
    (frame.COMMIT, b""),
    (frame.INDEX, struct.pack("<I", 0)),
    (frame.VALUES, b""),
    (frame.CONFIG_GET, struct.pack("<H", 0)),
    (frame.CLOCK_SET, struct.pack("<QI", 1_800_000_000_000, 50)),
    (access.DIGEST, struct.pack(access.DIGEST_REQUEST, 1, 0, 1, 40)),
)


def content(data: bytes) -> bytes:
    """What stands in a frame on the line, its CRC left out."""
    inner: bytes = cobs.decode(data.strip(b"\0"))
    return inner[:-4]


def framed(inner: bytes) -> bytes:
    """A frame with a right CRC."""
    made: bytes = frame.encode(inner[0], inner[1], inner[2:])
    return made


def test_replays_reorders_and_reflections(nodes: Nodes) -> None:
    port, name = up(nodes, config=config())
    made = credential(name, access.TECHNICIAN)
    with Wire(port) as wire:
        challenge = frame.encode(access.CHALLENGE, 1, b"")
        _, nonce = wire.say(challenge)
        session = Session(made, nonce)
        login = frame.encode(access.LOGIN, 2, session.login())
        assert wire.say(login)[0] == access.LOGIN + frame.ANSWER
        recorded, answers = [], []
        for kind, payload in VISIT:
            sent = wire.sealed(session, kind, payload)
            recorded.append(sent)
            kind_, answer = wire.say(sent)
            opened = session.open_(kind_, wire.sequence, answer)
            assert opened
            assert opened[0] == kind + frame.ANSWER
            answers.append((kind_, answer))
        for sent in recorded:  # again, in the same session
            assert refused(wire.say(sent))
        ahead = [wire.sealed(session, frame.VALUES) for _ in range(3)]
        assert wire.say(ahead[2])[0] == seals.SEALED + frame.ANSWER
        assert refused(wire.say(ahead[0]))  # overtaken
        assert refused(wire.say(ahead[1]))
        for kind_, answer in answers:  # the node's own words, as requests of every kind
            if len(answer) > 200:
                continue  # no request is as long
            for kind in (seals.SEALED, access.LOGIN, access.CHALLENGE + 1, kind_ - frame.ANSWER):
                told = wire.say(frame.encode(kind, 9, answer))
                assert told[0] == frame.REFUSAL
        later = wire.log_in(made)
        for sent in recorded:  # in another session of the same credential
            assert refused(wire.say(sent))
            later = wire.log_in(made)  # three wrong tags would end it
        assert wire.ask_sealed(later, frame.VALUES)[0] == frame.VALUES + frame.ANSWER
        assert refused(wire.say(login))  # its challenge is gone
    power_cycle(port)
    with Wire(port) as wire:
        for sent in (*recorded, login):
            assert refused(wire.say(sent))
        assert wire.ask(access.CHALLENGE)[1] != nonce
        assert refused(wire.say(login)), "an old login fits a new challenge"


def test_challenges_are_never_the_same_twice(nodes: Nodes) -> None:
    port, _ = up(nodes, config=config())
    seen, counts = set(), set()
    for _ in range(3):
        with Wire(port) as wire:
            for _ in range(20):
                nonce = wire.ask(access.CHALLENGE)[1]
                assert nonce not in seen
                seen.add(nonce)
            counts.add(nonce[:6])
        power_cycle(port)
    assert len(counts) == 3, "the count of a boot is that of an earlier one"


def test_frames_of_another_node_are_worth_nothing(nodes: Nodes) -> None:
    one, name = up(nodes, "one", config=config())
    two, other = up(nodes, "two", config=config())
    made = credential(name, access.TECHNICIAN)
    with Wire(one) as here, Wire(two) as there:
        session = here.log_in(made)
        recorded = [here.sealed(session, kind, payload) for kind, payload in VISIT]
        there.log_in(credential(other, access.TECHNICIAN))
        for sent in recorded[:2]:
            assert refused(there.say(sent))
        for node, credential_ in (
            (other, made),  # the credential of one, said to be the other's
            (other, credential(name, access.ADMINISTRATOR)),
        ):
            _, nonce = there.ask(access.CHALLENGE)
            wrong = type(credential_)(node, credential_.claims, credential_.key)
            answer = there.ask(access.LOGIN, Session(wrong, nonce).login())
            assert answer[0] == frame.REFUSAL
        # Forwarding a challenge: the login that answers it is bound to the node's name.
        _, nonce = there.ask(access.CHALLENGE)
        assert refused(there.ask(access.LOGIN, Session(made, nonce).login()))


def test_every_flipped_bit_of_a_command_is_refused(nodes: Nodes) -> None:
    port, name = up(nodes, config=config())
    made = credential(name, access.TECHNICIAN)
    with Wire(port) as wire:
        session = wire.log_in(made)
        command = (frame.CLOCK_SET, struct.pack("<QI", 1_800_000_000_000, 50))
        whole = bytearray(content(wire.sealed(session, *command)))
        for bit in range(len(whole) * 8):
            whole[bit // 8] ^= 1 << bit % 8
            # A flip in the type may make a request of it that anyone may send: a challenge.
            kind, told = wire.say(framed(bytes(whole)), wait_s=0.5)
            assert kind in {0, frame.REFUSAL, access.CHALLENGE + frame.ANSWER}, (bit, kind, told)
            whole[bit // 8] ^= 1 << bit % 8
            if bit % 2:  # three wrong tags would end the session
                session = wire.log_in(made)
                whole = bytearray(content(wire.sealed(session, *command)))
        _, status = wire.ask_sealed(wire.log_in(made), frame.STATUS)
        assert b'"clock": "unset"' in status


def test_flipped_bits_of_what_the_node_says_fool_nobody(nodes: Nodes) -> None:
    port, name = up(nodes, config=config())
    with Wire(port) as wire:
        session = wire.log_in(credential(name, access.TECHNICIAN))
        kind, answer = wire.say(wire.sealed(session, frame.VALUES))
        assert session.open_(kind, wire.sequence, answer)
        flipped = bytearray(answer)
        for bit in range(len(flipped) * 8):
            flipped[bit // 8] ^= 1 << bit % 8
            assert session.open_(kind, wire.sequence, bytes(flipped)) is None
            flipped[bit // 8] ^= 1 << bit % 8
        assert session.open_(frame.VALUES + frame.ANSWER, wire.sequence, b"{}") is None
        wire.sealed(session, frame.VALUES)  # another request waits now
        assert session.open_(kind, wire.sequence, answer) is None, "the answer to an earlier one"


def test_guessing_delays_no_sample_and_fills_no_log(nodes: Nodes) -> None:
    port, name = up(nodes, config=config(interval_ms=200, commit_ms=1000))
    chance = random.Random(20261124)
    made = credential(name, access.TECHNICIAN)
    with Wire(port) as wire:
        session = wire.log_in(made)
        before = json.loads(wire.ask_sealed(session, frame.STATUS)[1])
        until = time.monotonic() + 6.5
        guesses = 0
        while time.monotonic() < until:
            kind, nonce = wire.ask(access.CHALLENGE)
            if kind != access.CHALLENGE + frame.ANSWER:
                wire.ask(access.LOGIN, chance.randbytes(45))
                continue
            wrong = credential(name, access.TECHNICIAN, OTHER_FLEET, serial=guesses)
            wire.ask(access.LOGIN, Session(wrong, nonce).login())
            guesses += 1
        assert 3 <= guesses <= 4, "5 s of silence after the third guess, 10 s after the fourth"
        # Who is in already stays in.
        wire.ask_sealed(session, frame.COMMIT)
        after = json.loads(wire.ask_sealed(session, frame.STATUS)[1])
        pages = wire.ask_sealed(session, frame.INDEX, struct.pack("<I", 0))[1]
    assert after["overruns"] == before["overruns"] == 0
    assert after["worst_late_ms"] < 200
    assert after["next_record"] > before["next_record"] + 20
    assert len(pages) // struct.calcsize(frame.INDEX_ENTRY) <= 2


@pytest.mark.campaign
def test_storms_of_strangers_cost_no_sample(nodes: Nodes) -> None:
    """A sample every 100 ms, and as many requests of one kind as the line takes, 18 s of each."""
    port, name = up(nodes, config=config(interval_ms=100, commit_ms=1000))
    chance = random.Random(20261129)
    storms: dict[str, Callable[[], tuple[int, bytes]]] = {
        "hello": lambda: (frame.HELLO, b"\x01\x013000000"),
        "status": lambda: (frame.STATUS, b""),
        "challenge": lambda: (access.CHALLENGE, chance.choice([b"", access.NAMED])),
        "login cut short": lambda: (access.LOGIN, chance.randbytes(chance.randrange(45))),
        "sealed": lambda: (seals.SEALED, chance.randbytes(chance.randrange(200))),
        "any": lambda: (chance.randrange(1, 128), chance.randbytes(chance.randrange(200))),
    }
    told = {}
    for storm, make in storms.items():
        with Wire(port) as wire:
            session = wire.log_in(credential(name, access.TECHNICIAN))
            before = json.loads(wire.ask_sealed(session, frame.STATUS)[1])
            until, count = time.monotonic() + 18, 0
            while time.monotonic() < until:
                kind, payload = make()
                if kind != access.LOGIN or len(payload) != 45:  # a guess ends in silence
                    wire.ask(kind, payload, wait_s=0.5)
                    count += 1
            session = wire.log_in(credential(name, access.TECHNICIAN))
            after = json.loads(wire.ask_sealed(session, frame.STATUS)[1])
        told[storm] = (count, after["overruns"] - before["overruns"], after["worst_late_ms"])
        assert after["next_record"] > before["next_record"] + 100, told
    print(told)
    assert [lost for _, lost, _ in told.values()] == [0] * len(storms), told


def test_the_laptop_knows_a_liar() -> None:
    """A thing on the line that has no key cannot pass for the node."""
    name = "02fb6be3ee96"
    session = Session(credential(name, access.TECHNICIAN), bytes(16))
    for lie in (b"", bytes(16), session.login()[-16:]):
        with pytest.raises(TirtaError, match="not the node"):
            session.check(lie)
