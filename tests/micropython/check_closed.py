# SPDX-License-Identifier: MIT
"""A node that was locked stays closed, whatever happens to its state: bits, blocks, all of it gone,
the older copy in force, the power cut at every step of locking and opening. The modules that decide
run as they are; a flash and a mark in RAM stand for the chip.
"""

import sys

import nochip  # noqa: F401 - before anything of ours
from nor import BLOCK, SHAPES, Flash, Random

import tirta_node.hal
from tirta_format import access, access_log, meta, state


class CutError(Exception):
    pass


class Later:
    """As tirta_node.hal.one_shot and others: takes any call."""

    def __getattr__(self, name):
        return lambda *args: None


class Chip:
    """The flash with the state, and NVS with the mark; `broken` is an NVS that fails."""

    flash = None
    marked = broken = False
    kept = 1800, 0
    cause = 1  # power on
    countdown = -1  # changes of the mark until the power goes
    armed_s = 0  # until a reset that nothing calls off

    def partition(self, name):
        return self.flash

    def node_id(self):
        return "02fb6be3ee96"

    def reset_cause(self):
        return self.cause

    def visit(self):
        return self.kept

    def keep_visit(self, seconds, flag=0):
        self.kept = seconds, flag

    def reset_after(self, seconds):
        self.armed_s = seconds


class Mark:
    """As tirta_node.hal.mark, over what `chip` keeps."""

    def is_set(self):
        return chip.marked and not chip.broken

    def put(self, locked):
        if chip.broken:
            raise OSError("NVS")
        if locked != chip.marked:
            if chip.countdown == 0:
                raise CutError
            chip.countdown -= 1
            chip.marked = locked


mark = tirta_node.hal.mark = sys.modules["tirta_node.hal.mark"] = Mark()
chip = tirta_node.hal.chip = sys.modules["tirta_node.hal.chip"] = Chip()
for name in ("flash", "watchdog"):
    sys.modules["tirta_node.hal." + name] = Later()
sys.modules["vfs"] = Later()

import slot  # noqa: E402 - out of frozen/, with that chip

from tirta_node.requests import keys_and_modes  # noqa: E402
from tirta_node.state import choose_config  # noqa: E402
from tirta_node.state import copies as store  # noqa: E402

BLOCKS = 8
KEY = bytes(range(32))
OPEN = {state.SLOT: b"a", state.MODE: b"open"}
LOCK = b"\1" + KEY
SLOW = sys.maxsize < 1 << 32
CUTS = ("half", "all") if SLOW else SHAPES  # the last program of a copy puts it into force


class Gate:
    claims = access.claims(access.ADMINISTRATOR, 7, 1, access.NEVER)


class Node:
    """What changes of the mode ask of an application; what a start asks, too."""

    slot = b"a"
    version = "0.1.0"
    wish = stop_reason = 0

    def __init__(self, locked=False):
        self.gate = Gate() if locked else None
        self.dispatcher = self.clock = self.keeper = self.log = self.console = self
        self.sampler = (1,)
        self.notes = []

    def uptime_ms(self):
        return 1

    def note(self, payload):
        self.notes.append(meta.parse(payload)[2]["what"])

    def answer(self, kind, sequence, data):
        pass

    def refuse(self, sequence, code, text):
        raise AssertionError(text)


def board(fields=OPEN):
    """Power to a board with this state."""
    chip.flash = Flash(BLOCKS)
    chip.marked = chip.broken = False
    chip.kept, chip.cause, chip.countdown = (1800, 0), 1, -1
    store.change(chip.flash, fields)
    starts()
    return chip.flash


def starts():
    """Whether this start is closed: for boot.py, and for the application."""
    closed, visited = slot.locked()
    node = Node()
    choose_config.begin(node)
    assert node.locked or not closed, "boot.py closes what the application opens"
    assert not node.locked or closed or visited, "the application closes what boot.py opens"
    return closed


def mode(payload, locked):
    node = Node(locked)
    keys_and_modes.handle(node, node.console, access.MODE, 0, payload)
    return node


def lock():
    mode(LOCK, locked=False)
    assert starts()


def test_an_open_board_is_open_and_bears_damage():
    flash = board()
    assert not starts()
    flash.image[20] ^= 1
    assert not starts(), "a bench board whose state is gone is nobody's"


def test_any_damage_of_a_locked_state_opens_nothing():
    for copies in (1, 2, 3):
        flash = board()
        lock()
        for i in range(copies - 1):
            store.change(flash, {99: bytes((i,))})
        whole = bytes(flash.image)
        for first in (0, BLOCKS // 2 * BLOCK):
            for at in range(first, first + 120, 7 if SLOW else 1):
                for value in (0, 255, flash.image[at] ^ 1 << at % 8):
                    flash.image[at] = value
                    assert starts(), (copies, at, value)
                    flash.image[:] = whole


def test_erased_blocks_and_noise_open_nothing():
    random = Random(8)
    flash = board()
    lock()
    whole = bytes(flash.image)
    for blocks in range(0, 1 << BLOCKS, 9 if SLOW else 1):
        for block in range(BLOCKS):
            if blocks >> block & 1:
                flash.image[block * BLOCK : (block + 1) * BLOCK] = b"\xff" * BLOCK
        assert starts(), blocks
        if blocks % 16 < 2:
            at = (random.next() >> 5) % (len(whole) - 99)
            flash.image[at : at + 99] = random.bytes(99)
            assert starts(), blocks
        flash.image[:] = whole


def test_the_older_open_copy_opens_nothing():
    flash = board()
    lock()
    start = BLOCKS // 2 * BLOCK
    flash.image[start + 30] ^= 4
    assert store.mode(flash) == b"open"
    assert starts()


def test_an_administrator_opens_it_and_locks_it_again():
    flash = board()
    lock()
    assert mode(b"\0", locked=True).notes == [access_log.MODE]
    assert not starts()
    assert not chip.marked
    lock()
    assert chip.marked
    flash.image[:] = b"\xff" * len(flash.image)
    assert starts()


def test_a_visit_opens_one_start_and_no_more():
    flash = board()
    lock()
    chip.kept, chip.cause = (60, 1), 2
    assert slot.locked() == (False, True)
    chip.cause = 5
    assert slot.locked() == (False, True)
    chip.cause = 2
    assert slot.locked() == (True, False)
    flash.image[:] = b"\0" * len(flash.image)
    chip.kept = (60, 2)
    assert slot.locked() == (True, False)


def test_a_start_has_its_time_however_short_a_visit_is():
    """A soft reset may be mpremote's: main.py does not run then, and only this ends a visit."""
    board()
    for visit_s in (5, 60, 86400):
        for cause in (1, 2, 3, 4, 5):
            chip.kept, chip.cause = (visit_s, 0), cause
            slot.mount()
            assert chip.armed_s == (visit_s if cause == 5 else max(300, visit_s)), cause


def test_cuts_while_it_is_opened_leave_it_locked_with_its_key_or_open():
    seen = set()
    for operation in range(40):
        for shape in CUTS:
            for countdown in (-1, 0):
                flash = board()
                lock()
                closed = cut(flash, operation, shape, countdown, b"\0")
                if closed is None:
                    continue
                fields = store.load(chip.flash)
                assert fields[state.KEY] == KEY
                assert closed == (fields[state.MODE] == b"locked") == chip.marked
                seen.add(closed)
    assert seen == {True, False}


def test_cuts_while_it_is_locked_leave_it_open_or_locked_with_its_key():
    seen = set()
    for operation in range(40):
        for shape in CUTS:
            flash = board()
            closed = cut(flash, operation, shape, -1, LOCK)
            if closed is None:
                continue
            assert not closed or store.load(chip.flash)[state.KEY] == KEY
            seen.add(closed)
    assert seen == {True, False}


def cut(flash, operation, shape, countdown, payload):
    """Whether the start after a cut in a change of the mode is closed; None: nothing was cut."""
    flash.operations = 0
    left = []

    def watch(kind, block, offset, data):
        if flash.operations == operation + 1:
            left.append(flash.torn(kind, block, offset, data, shape, operation))
            raise CutError

    flash.watch = watch
    chip.countdown = countdown
    try:
        mode(payload, locked=payload == b"\0")
    except CutError:
        chip.flash = left[0] if left else flash
        chip.flash.watch = None
        chip.countdown = -1
        return starts()
    return None


def test_a_mark_that_cannot_be_kept_hinders_nothing():
    board()
    chip.broken = True
    mode(LOCK, locked=False)
    assert starts()
    assert not mark.is_set()
