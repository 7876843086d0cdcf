# SPDX-License-Identifier: MIT
"""Lives of a locked node, drawn at random: credentials of any role, fleet, issue and expiry, cut
short or bent, restarts, power cuts, clocks, other writers of the state, another key or time floor.
A model written from FORMAT.md section 13 says before each login whether it must be accepted.
"""

import struct
import sys

from locked_node import (  # first: it takes the place of the hardware and of time
    BLOCKS,
    KEY,
    NODE,
    Node,
    new_flash,
    payload,
    refused,
    was_right,
)
from nor import SHAPES, Flash, Random
from state_reader import in_force, learned

from tirta_format import access, frame, seals, staging
from tirta_node import unload
from tirta_node.requests import keys_and_modes
from tirta_node.state import copies

try:
    from cryptolib import aes
except ImportError:  # the webassembly port
    aes = None

SLOW = sys.maxsize < 1 << 32
LIVES, LIFE = (4, 40) if SLOW else (25, 80)
DAY = 86400
NOW = 1_800_000_000
NEVER = 0xFFFFFFFF
OK, OUT, WRONG, NO = 0, 1, 2, 3  # what becomes of a login: right, locked out, a guess, refused


class CutError(Exception):
    pass


class Living(Node):
    """A node whose commands about keys are the real ones."""

    wish = 0

    def handle(self, kind, sequence, payload):
        if kind in (access.KEY, access.FLOOR):
            keys_and_modes.handle(self, self.console, kind, sequence, payload)
        else:
            Node.handle(self, kind, sequence, payload)


class Model:
    """What FORMAT.md says that a node knows."""

    def __init__(self):
        self.key = KEY
        self.floor = self.wrong = self.clock = self.quiet_ms = self.now_ms = 0

    def starts(self):
        self.clock = self.now_ms = self.quiet_ms = 0
        self.wrong = min(self.wrong, 255)
        self.waits()

    def waits(self):
        if self.wrong >= 3:
            self.quiet_ms = self.now_ms + 1000 * min(300, 5 * 2 ** min(10, self.wrong - 3))

    def expects(self, key, role, issued, expires, whole):
        if self.now_ms < self.quiet_ms:
            return OUT
        if not whole:
            return NO
        if key != self.key:
            return WRONG
        if role not in (1, 2) or expires < max(self.floor, self.clock):
            return NO
        if self.clock and self.clock >= self.floor:
            return OK if issued <= self.clock + 400 * DAY else NO
        return OK if issued <= max(self.floor, 1796083200) + 4 * 366 * DAY else NO

    def learns(self, what, issued):
        if what == WRONG:
            self.wrong += 1
            self.waits()
        elif what == OK:
            self.wrong = 0
            self.floor = max(self.floor, issued)


class Life:
    """One node from its first start on."""

    def __init__(self, seed):
        self.random = Random(seed)
        self.seed = seed
        self.flash = new_flash(self.random.next() % 4200)
        self.model = Model()
        self.node = Living(self.flash)
        self.counter = 0
        self.accepted = self.refused = self.cuts = 0

    def below(self, n):
        return (self.random.next() >> 7) % n

    def moment(self):
        """A Unix time: near the floor, near the clock, or anywhere."""
        near = (0, 1, self.model.floor, self.model.clock or NOW, NOW, NOW + 14 * 365 * DAY, NEVER)
        at = near[self.below(len(near))]
        at += (0, 0, 1, -1, 399 * DAY, 401 * DAY, 4 * 366 * DAY, -30 * DAY)[self.below(8)]
        return min(max(at, 0), NEVER)

    def step(self):
        dice = self.below(24)
        if dice < 14:
            self.log_in()
        elif dice < 16:
            self.restart()
        elif dice < 18:
            self.node.clock.now_ms += 5000 << self.below(8)
            self.model.now_ms = self.node.clock.now_ms
        elif dice == 18:
            self.node.clock.unix_s = self.model.clock = self.moment()
        elif dice == 19:
            text = bytes((65 + self.below(26),)) * self.below(200)
            copies.change(self.flash, {staging.IDENTITY: text})
        elif dice == 20:
            self.cut()
        elif dice == 21:
            self.set_floor()
        elif aes:
            self.change_key()
        self.judge()

    def judge(self):
        said = learned(self.flash.image)
        known = self.model.floor, min(255, self.model.wrong)
        assert said == known, (self.seed, said, known)

    def restart(self):
        self.node = Living(self.flash)
        self.model.starts()

    def credential(self):
        key = (self.model.key, self.model.key, self.model.key, bytes(32))[self.below(4)]
        return key, (1, 1, 2, 2, 0, 3, 255)[self.below(7)], self.moment(), self.moment()

    def log_in(self, made=None):
        key, role, issued, expires = made or self.credential()
        said = self.node.ask(access.CHALLENGE, access.NAMED)
        if self.model.now_ms < self.model.quiet_ms:
            assert refused(said, access.LOCKED_OUT), (self.seed, said)
            return False
        assert said[1][16:] == access.key_name(self.model.key, NODE), self.seed
        data = payload(said[1][:16], key, role, issued, expires)
        if not made and not self.below(6):  # cut short, or one bit of it bent
            cut = bytearray(data)[: self.below(len(data))]
            whole = self.below(2)
            if whole:
                cut = bytearray(data)
                cut[self.below(len(data))] ^= 1 << self.below(8)
                key = b""
            data = bytes(cut)
        else:
            whole = True
        wanted = self.model.expects(key, role, issued, expires, whole)
        said = self.node.ask(access.LOGIN, data)
        where = self.seed, role, issued, expires, self.model.floor, self.model.clock, said, wanted
        assert was_right(said) == (wanted == OK), where
        self.model.learns(wanted, issued)
        self.accepted += wanted == OK
        self.refused += wanted != OK
        self.counter = 0
        return wanted == OK

    def administrator(self):
        """Whether an administrator who knows the key is in, however long that takes."""
        self.node.clock.now_ms += 300000
        self.model.now_ms = self.node.clock.now_ms
        return self.log_in((self.model.key, access.ADMINISTRATOR, 0, NEVER))

    def sealed(self, kind, content):
        self.counter += 1
        kind, said = self.node.ask(seals.SEALED, self.node.sealed(self.counter, kind, content))
        assert kind == seals.SEALED + frame.ANSWER, (self.seed, said)

    def set_floor(self):
        assert self.administrator(), self.seed
        floor = self.moment()
        self.sealed(access.FLOOR, struct.pack("<I", floor))
        self.model.floor = floor

    def change_key(self):
        assert self.administrator(), self.seed
        key = bytes(self.random.bytes(32))
        cipher = aes(self.node.gate.keys[2], 2, bytes(16))
        self.sealed(access.KEY, bytes(16) + cipher.encrypt(key))
        self.model.key = key

    def cut(self):
        """The power goes in the middle of a login, or of what another writer does."""
        before, old = self.model, learned(self.flash.image)
        number, shape = self.below(6), SHAPES[self.below(len(SHAPES))]
        left = []
        self.flash.operations = 0

        def watch(kind, block, offset, data):
            if self.flash.operations == number + 1:
                left.append(self.flash.torn(kind, block, offset, data, shape, self.random.next()))
                raise CutError

        self.flash.watch = watch
        issued = min(before.floor + self.below(100 * DAY), NOW + 400 * DAY)
        key = (before.key, bytes(32))[self.below(2)]
        try:
            if self.below(3):
                self.node.ask(access.CHALLENGE)
                self.node.ask(access.LOGIN, payload(self.node.gate.nonce, key, 2, issued, NEVER))
            else:
                copies.change(self.flash, {staging.IDENTITY: bytes(self.below(99))})
        except CutError:
            self.flash = left[0]
            self.cuts += 1
        self.flash.watch = None
        floor, wrong = learned(self.flash.image)
        assert floor in (old[0], max(old[0], issued)), (self.seed, floor, old, issued)
        assert wrong in (0, old[1], old[1] + 1, old[1] + 2), (self.seed, wrong, old)
        assert wrong or not old[1] or key == before.key, (self.seed, "a cut ended the guesses")
        before.floor, before.wrong = floor, wrong
        self.restart()


def live(seeds, life):
    """Return how many logins were accepted and refused, and cuts, over the lives of these seeds."""
    done = [0, 0, 0]
    for seed in seeds:
        one = Life(seed)
        for _ in range(life):
            one.step()
        for i, n in enumerate((one.accepted, one.refused, one.cuts)):
            done[i] += n
    return done


def test_lives_of_a_node_keep_to_the_model():
    accepted, turned_away, cuts = live(range(1, 1 + LIVES), LIFE)
    assert min(accepted, turned_away) > 5 * LIVES, (accepted, turned_away)
    assert cuts >= LIVES // 2, cuts


def test_an_office_fourteen_years_ahead_shuts_nobody_out():
    node = Node(new_flash())
    for clock in (0, NOW):
        node.clock.unix_s = clock
        said = node.login(issued=NOW + 14 * 365 * DAY, expires=NOW + 14 * 365 * DAY + 7 * DAY)
        assert refused(said, access.NOT_ALLOWED), said
        assert was_right(node.login(issued=NOW, expires=NOW + 7 * DAY))


def test_a_floor_that_is_too_late_is_set_anew_and_recorded():
    flash = new_flash()
    node = Living(flash)
    assert was_right(node.login(issued=NOW + 3 * 365 * DAY, expires=NEVER))
    assert refused(node.login(issued=NOW, expires=NOW + 7 * DAY), access.NOT_ALLOWED)
    assert was_right(node.login(role=access.TECHNICIAN, issued=0))
    floor = struct.pack("<I", NOW)
    node.ask(seals.SEALED, node.sealed(1, access.FLOOR, floor))
    assert refused(node.login(issued=NOW, expires=NOW + 7 * DAY), access.NOT_ALLOWED), "who did?"
    assert was_right(node.login(role=access.ADMINISTRATOR, issued=0))
    for wrong in (b"", floor + b"x", floor[:3]):
        node.ask(seals.SEALED, node.sealed(1 + len(wrong), access.FLOOR, wrong))
        assert learned(flash.image)[0] > NOW
    node.ask(seals.SEALED, node.sealed(9, access.FLOOR, floor))
    assert node.notes[-1] == {"what": 6, "role": 2, "serial": 7, "wrong": 0}
    assert was_right(Living(flash).login(issued=NOW, expires=NOW + 7 * DAY))


def test_what_a_log_does_not_take_is_not_done():
    flash = new_flash()
    node = Living(flash)
    assert was_right(node.login(role=access.ADMINISTRATOR, issued=0))
    before = bytes(flash.image)

    def full(payload):
        raise OSError("the log is full")

    node.note = full
    requests = [(access.FLOOR, bytes(4))] + ([(access.KEY, bytes(48))] if aes else [])
    for i, (kind, content) in enumerate(requests):
        said = node.ask(seals.SEALED, node.sealed(1 + i, kind, content))
        assert said[0] == seals.SEALED + frame.ANSWER
        assert bytes(flash.image) == before


def test_an_old_laptop_gets_the_challenge_that_it_knows():
    node = Node(new_flash())
    for asked, n in ((b"", 16), (b"\0", 16), (access.NAMED, 24), (b"\1\2", 24)):
        assert len(node.ask(access.CHALLENGE, asked)[1]) == n, asked


def test_a_flood_of_challenges_loads_no_module_and_writes_nothing():
    flash = new_flash()
    node = Node(flash)
    node.challenge()
    flash.operations = 0
    seen = set()
    call = unload.call
    unload.call = None
    try:
        for n in range(300):
            nonce = node.challenge()
            assert nonce not in seen
            seen.add(nonce)
            node.ask(frame.STATUS)
            node.ask(frame.COMMIT)
            node.ask(seals.SEALED, bytes(n % 99))
            assert refused(node.ask(access.LOGIN, bytes(n % 45)), frame.BAD_PAYLOAD)
            assert refused(node.ask(access.LOGIN, bytes(45)), access.NOT_ALLOWED)
    finally:
        unload.call = call
    assert flash.operations == 0
    assert node.gate.wrong == 0
    assert was_right(node.login())


def test_a_key_has_a_name_of_its_own():
    names = {
        access.key_name(key, node)
        for key in (KEY, bytes(32), KEY[:31] + b"\xff")
        for node in (NODE, "02fb6be3ee97")
    }
    assert len(names) == 6
    assert {len(name) for name in names} == {access.NAME_SIZE}


def test_a_state_with_no_room_left_takes_guesses_all_the_same():
    for spare in (0, 3, 8, 40, 200):
        flash = Flash(BLOCKS)
        fields = in_force(new_flash().image)[3]
        used = 16 + sum([3 + len(value) for value in fields.values()]) + 4
        fields[3] = bytes(4 * 4096 - used - 3 - 10 - spare) if 3 not in fields else fields[3]
        fields[99] = bytes(4 * 4096 - used - 3 - spare - 8 - 7)
        copies.change(flash, fields)
        node = Node(flash)
        wrong = payload(node.challenge(), bytes(32))
        assert refused(node.ask(access.LOGIN, wrong), access.NOT_ALLOWED), spare
        assert learned(flash.image)[1] == 1, (spare, learned(flash.image))
        assert was_right(node.login(issued=1000))
        assert learned(flash.image) == (1000, 0), spare
