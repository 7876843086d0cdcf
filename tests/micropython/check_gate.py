# SPDX-License-Identifier: MIT
"""The gate of a locked node on simple hardware: logins with every bit flipped, lock-outs through
days, and the power cut at every write of what it remembers.
"""

import sys

from locked_node import (  # first: it takes the place of the hardware and of time
    BLOCKS,
    KEY,
    LAPTOP_NONCE,
    Node,
    new_flash,
    payload,
    refused,
    time,
    was_right,
)
from nor import SHAPES, Flash

from tirta_format import access, access_log, frame, roles, seals, state
from tirta_node import unload
from tirta_node.access import login, login_notes

OTHER_NODE = "02fb6be3ee97"
WRONG_KEY = bytes(range(1, 33))
SLOW = sys.maxsize < 1 << 32  # the webassembly port
STEP = 7 if SLOW else 1
PADDINGS = (3500,) if SLOW else (0, 3000, 3500)  # of the state: much room behind it, some, little
NEVER_SEALED = (frame.HELLO, access.CHALLENGE, access.LOGIN, seals.SEALED)


def test_a_right_login_opens_and_is_logged():
    node = Node(new_flash())
    assert refused(node.ask(frame.COMMIT), access.NOT_ALLOWED)
    assert was_right(node.login())
    assert node.notes == [{"what": access_log.LOGIN, "role": 1, "serial": 7, "wrong": 0}]
    keys = node.gate.keys
    sealed = seals.seal(keys[0], seals.SEALED, 1, 1, frame.COMMIT, b"")
    kind, said = node.ask(seals.SEALED, sealed)
    assert seals.unseal(keys[1], kind, 1, said) == (frame.COMMIT + frame.ANSWER, 1, b"")
    assert node.handled == [frame.COMMIT]


def test_a_login_that_comes_twice_changes_nothing():
    node = Node(new_flash())
    said = payload(node.challenge())
    first = node.ask(access.LOGIN, said)
    keys = node.gate.keys
    sealed = seals.seal(keys[0], seals.SEALED, 1, 5, frame.COMMIT, b"")
    node.ask(seals.SEALED, sealed)
    assert node.ask(access.LOGIN, said) == first
    assert node.gate.keys == keys
    assert refused(node.ask(seals.SEALED, sealed), access.NOT_ALLOWED), "the counter began anew"


def test_every_flipped_bit_of_a_login_is_wrong():
    flash = new_flash()
    node = Node(flash)
    size = len(payload(bytes(16)))
    bits = range(0, size * 8, STEP)
    for bit in bits:
        data = bytearray(payload(node.challenge()))
        data[bit // 8] ^= 1 << bit % 8
        assert refused(node.ask(access.LOGIN, bytes(data)), access.NOT_ALLOWED), bit
        assert not node.gate.claims
        node.clock.now_ms += 300000
    assert was_right(node.login())
    assert node.notes[-1]["wrong"] == len(bits)


def commands_of(role):
    """Every sealed request that a role may send."""
    return [k for k in range(1, 128) if 0 < roles.table()[k] <= role and k not in NEVER_SEALED]


def test_every_command_of_every_role_counts_once_in_its_order_and_place():
    for role in (access.TECHNICIAN, access.ADMINISTRATOR):
        flash = new_flash()
        other = Node(new_flash(), OTHER_NODE)
        assert was_right(other.ask(access.LOGIN, other_login(other, role)))
        node = Node(flash)
        assert was_right(node.login(role=role))
        kinds = commands_of(role)
        assert len(kinds) > (15, 25)[role - 1], len(kinds)
        recorded = [node.sealed(2 + i, kind) for i, kind in enumerate(kinds)]
        early = [node.sealed(1, kind) for kind in kinds]
        for sealed, kind in zip(recorded, kinds):
            assert node.replies(sealed), kind
            assert not node.replies(sealed), kind  # replayed
            reflected = node.console.said[1]
            assert isinstance(reflected, int) or not node.replies(reflected), kind
        for sealed, kind in zip(recorded + early, kinds + kinds):
            assert not node.replies(sealed), kind  # replayed, and overtaken
            assert not other.replies(sealed), kind  # sent to another node
        assert was_right(node.login(role=role))
        for sealed, kind in zip(recorded, kinds):
            assert not node.replies(sealed), kind  # in another session
        node = Node(flash)
        for sealed, kind in zip(recorded, kinds):
            assert not node.replies(sealed), kind  # after a start
        assert other.handled == []


def other_login(other, role):
    claims = access.claims(role, 7, 1, access.NEVER)
    credential = access.credential_key(KEY, claims)
    nonces = other.challenge() + LAPTOP_NONCE
    return LAPTOP_NONCE + claims + access.laptop_proof(credential, OTHER_NODE, nonces, claims)


def test_the_nodes_own_words_open_nothing():
    """Its answer comes back as a command, its proof as a login, its challenge as a laptop's."""
    node = Node(new_flash())
    assert was_right(node.login())
    kind, answer = node.ask(seals.SEALED, node.sealed(1, frame.VALUES))
    assert kind == seals.SEALED + frame.ANSWER
    assert not node.replies(answer)
    proof = node.gate.replied
    claims = access.claims(access.TECHNICIAN, 7, 1, access.NEVER)
    for nonce in (LAPTOP_NONCE, None):
        challenge = node.challenge()
        said = (nonce or challenge) + claims + proof
        assert refused(node.ask(access.LOGIN, said), access.NOT_ALLOWED)


def test_every_flipped_bit_of_every_command_is_refused():
    for role in (access.TECHNICIAN, access.ADMINISTRATOR):
        node = Node(new_flash())
        assert was_right(node.login(role=role))
        flips = 0
        for kind in commands_of(role):
            whole = bytearray(node.sealed(1, kind))
            for bit in range(flips % STEP, len(whole) * 8, STEP):
                whole[bit // 8] ^= 1 << bit % 8
                assert not node.replies(whole), (kind, bit)
                assert refused(node.console.said, access.NOT_ALLOWED), (kind, bit)
                whole[bit // 8] ^= 1 << bit % 8
                flips += 1
        assert node.handled == []
        assert flips > (300 if SLOW else 2500), flips
        assert node.replies(bytes(whole))


def test_a_challenge_serves_once_and_only_its_own_node():
    node = Node(new_flash())
    said = payload(node.challenge(), WRONG_KEY)
    assert refused(node.ask(access.LOGIN, said), access.NOT_ALLOWED)
    assert refused(node.ask(access.LOGIN, said), access.NOT_ALLOWED)
    assert node.gate.wrong == 1, "a second login without a challenge is no guess"
    for length in range(len(said)):
        node.challenge()
        assert refused(node.ask(access.LOGIN, said[:length]), frame.BAD_PAYLOAD), length


def test_lock_outs_grow_to_five_minutes_with_one_record_a_day():
    flash = new_flash()
    node = Node(flash)
    waits = []
    for guess in range(60):
        assert refused(node.login(WRONG_KEY), access.NOT_ALLOWED)
        wait_ms = max(0, node.gate.quiet_from - node.clock.now_ms)
        waits.append(wait_ms // 1000)
        if wait_ms:
            assert refused(node.ask(access.CHALLENGE), access.LOCKED_OUT)
            assert refused(node.ask(access.LOGIN, bytes(45)), access.LOCKED_OUT)
            node.clock.now_ms += wait_ms if guess < 20 else 3600000
    assert waits[:10] == [0, 0, 5, 10, 20, 40, 80, 160, 300, 300]
    assert set(waits[8:]) == {300}
    assert node.clock.now_ms // 86400000 == 1
    assert [note["what"] for note in node.notes] == [access_log.LOCKED_OUT] * 2
    assert sum(flash.erases) == 1, "sixty guesses cost an erase"


def test_a_boot_begins_the_lock_out_anew_and_a_login_ends_it():
    flash = new_flash()
    node = Node(flash)
    for _ in range(5):
        node.clock.now_ms += 300000
        node.login(WRONG_KEY)
    for _ in range(3):
        node = Node(flash)
        assert node.gate.quiet_from == 20000
        assert refused(node.ask(access.CHALLENGE), access.LOCKED_OUT)
    node.clock.now_ms = 20000
    assert was_right(node.login())
    assert Node(flash).gate.quiet_from == 0


def test_expiry_and_floor_without_a_clock():
    flash = new_flash()
    node = Node(flash)
    assert was_right(node.login(issued=1000, expires=2000))
    assert was_right(node.login(issued=500, expires=1000)), "no clock, and not past the floor"
    assert was_right(node.login(issued=3000, expires=4000))
    assert refused(node.login(issued=1000, expires=2000), access.NOT_ALLOWED)
    assert refused(Node(flash).login(issued=1000, expires=2999), access.NOT_ALLOWED)
    assert was_right(Node(flash).login(issued=1000, expires=3000))


def test_the_count_only_grows_whatever_is_cut():
    """Boots with a guess, a login, a floor: cut at every operation, in every shape."""
    for padding in PADDINGS:
        _cut_everywhere(padding)


def _cut_everywhere(padding):
    cuts = 0
    for step in range(4):
        flash = new_flash(padding)
        for done in range(step):
            _one_boot(Node(flash), done)
        before = login_notes.LoginNotes(flash)
        operation = 0
        while True:
            torn = _cut(flash, step, operation)
            if torn is None:
                break
            for shape in SHAPES:
                after = torn(shape)
                _must_go_on(before, after, step, shape)
                cuts += 1
            operation += 1
    assert cuts > 50, cuts


class CutError(Exception):
    pass


def _cut(flash, step, operation):
    """A function from shape to flash, or None when the boot has fewer operations."""
    copy = Flash(BLOCKS, flash.image)
    seen = []

    def watch(*what):
        seen.append(what)
        if len(seen) > operation:
            raise CutError

    copy.watch = watch
    try:
        _one_boot(Node(copy), step)
    except CutError:
        copy.watch = None
        kind, block, offset, data = seen[-1]
        return lambda shape: copy.torn(kind, block, offset, data, shape, operation)
    return None


def _one_boot(node, step):
    if node.gate.quiet_from:
        node.clock.now_ms = node.gate.quiet_from
    role = access.ADMINISTRATOR if step & 2 else access.TECHNICIAN
    node.login(WRONG_KEY if step % 2 else KEY, role, issued=1000 * (step + 1))


def _must_go_on(before, flash, step, shape):
    found = login_notes.LoginNotes(flash)
    place = (found.sequence, found.used)
    assert place >= (before.sequence, before.used), (step, shape)
    assert found.floor_s >= before.floor_s, (step, shape)
    assert found.floor_s in (before.floor_s, 1000 * (step + 1)), (step, shape)
    assert before.wrong - 1 <= found.wrong <= before.wrong + 3 or not found.wrong, (step, shape)
    assert found.fields[state.KEY] == KEY
    node = Node(flash)
    node.clock.now_ms = node.gate.quiet_from
    nonce = node.challenge()
    after = login_notes.LoginNotes(flash)
    assert nonce[:4] == after.sequence.to_bytes(4, "little")
    assert (after.sequence, after.used) > place, "the next boot gave the count of this one"
    assert was_right(node.ask(access.LOGIN, payload(nonce, issued=9000)))
    assert login_notes.LoginNotes(flash).floor_s == 9000


def test_time_is_fake():
    assert time.ticks_ms() > 0
    assert login.begin


def test_a_login_for_which_there_is_no_memory_is_refused_and_comes_again():
    node = Node(new_flash())
    call, said = unload.call, []

    def full(*words):
        said.append(words)
        raise MemoryError

    unload.call = full
    try:
        assert refused(node.ask(access.CHALLENGE), frame.NOT_NOW)
    finally:
        unload.call = call
    assert said, "the login is loaded for it"
    assert was_right(node.login())
