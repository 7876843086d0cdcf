# SPDX-License-Identifier: MIT
"""A config on trial, on a flash whose power is cut at every write: old or new, never a mix, with
the reason kept; a damaged state ends in the other copy or in none, and says so.
"""

import sys

import nochip  # noqa: F401 - before what imports the hal
from nor import BLOCK, SHAPES, Flash

import tirta_node.hal
from tirta_format import staging, state
from tirta_node import sampling


class Chip:
    """What a start asks the chip: why it started, and for its flash."""

    cause = 0
    flash = None

    def partition(self, name):
        return self.flash

    def reset_cause(self):
        return self.cause

    def reset(self):
        raise ResetError


class ResetError(Exception):
    pass


class Mark:
    def is_set(self):
        return False


chip = tirta_node.hal.chip = sys.modules["tirta_node.hal.chip"] = Chip()
tirta_node.hal.mark = sys.modules["tirta_node.hal.mark"] = Mark()

from tirta_node.state import choose_config, config_trial, copies  # noqa: E402 - with that chip

BLOCKS = 8
STRIDE = 4  # of bytes and of cuts only so many; 1 in `make campaign`
OLD = b'{"board":"b","channels":[{"name":"old","pin":4,"sensor":"ds18b20"}],"name":"old"}'
NEW = OLD.replace(b"old", b"new")
OTHERS = {state.SLOT: b"b", state.MODE: b"locked", 4: bytes(range(32)), staging.IDENTITY: b"{}"}
POWER_ON, RESET = 1, 2


class CutError(Exception):
    pass


class Node:
    slot = b"a"
    version = "1.2.3"
    trial_s = 0
    sampler = None
    config_problem = ""


def flash(config=OLD):
    made = Flash(BLOCKS)
    fields = dict(OTHERS)
    fields[state.CONFIG] = config
    copies.change(made, fields)
    return made


def boot(made, cause=RESET):
    """What a start does with the state; the node that it makes. A self-test ends in another."""
    chip.flash, chip.cause = made, cause
    node = Node()
    try:
        node.parsed = choose_config.begin(node)
    except ResetError:
        return boot(made, RESET)
    return node


class SelfTest:
    """Stands for the sensors, which are not here."""

    broken = False

    def read(self, channels, config):
        if self.broken:
            raise OSError("no such pin")
        return [[channel["name"], 7, 1] for channel in channels]


selftest = sys.modules["tirta_node.sampling.selftest"] = sampling.selftest = SelfTest()


def stage(made, text=NEW, seconds=60):
    copies.change(made, config_trial.stage(text, seconds))


def confirm(made):
    copies.change(made, config_trial.put_into_force(copies.config(made)))


def secrets(made):
    return copies.secrets(copies.load(made))


def name(node):
    return node.parsed.get("name", "")


def test_a_trial_that_is_confirmed_stays():
    made = flash()
    stage(made)
    assert copies.config(made) == OLD
    node = boot(made)
    assert (name(node), node.trial_s, node.config_problem) == ("new", 60, "")
    assert node.tested == [["new", 7, 1]]
    confirm(made)
    for cause in (RESET, POWER_ON):
        node = boot(made, cause)
        assert (name(node), node.trial_s, node.config_problem) == ("new", 0, "")
    assert others(made) == OTHERS


def test_a_trial_that_nobody_confirms_goes_and_says_why():
    made = flash()
    stage(made)
    node = boot(made)
    node.trial_over = True
    config_trial.leave(node)
    for _ in range(2):
        node = boot(made)
        assert (name(node), node.trial_s) == ("old", 0)
        assert "not confirmed in 60 s" in node.config_problem
    assert others(made) == OTHERS


def test_passwords_are_tried_with_their_config():
    for is_confirmed in (True, False):
        made = flash()
        copies.change(made, config_trial.put_into_force(OLD, b"old"))
        copies.change(made, config_trial.stage(NEW, 60, b"new"))
        assert secrets(made) == b"old"
        node = boot(made)
        assert secrets(made) == b"new"
        if is_confirmed:
            tried = copies.load(made)[staging.TRIED_SECRETS]
            copies.change(made, config_trial.put_into_force(NEW, tried))
        else:
            node.trial_over = True
            config_trial.leave(node)
        boot(made)
        assert secrets(made) == (b"new" if is_confirmed else b"old")
        assert staging.TRIED_SECRETS not in copies.load(made)


def test_a_restart_ends_a_trial_and_a_power_cut_does_not_at_once():
    made = flash()
    stage(made)
    boot(made)
    node = boot(made, RESET)
    assert name(node) == "old"
    assert "restarted" in node.config_problem
    made = flash()
    stage(made)
    names = [name(boot(made, POWER_ON)) for _ in range(5)]
    assert names == ["new", "new", "new", "old", "old"]


def test_a_sensor_that_fails_in_the_test_ends_a_trial():
    made = flash()
    stage(made)
    selftest.broken = True
    try:
        node = boot(made)
    finally:
        selftest.broken = False
    assert (name(node), node.trial_s) == ("old", 0)
    assert "OSError: no such pin" in node.config_problem


def test_parts_that_fail_end_a_trial_and_leave_a_config_without_channels():
    made = flash()
    stage(made)
    node = boot(made)
    assert config_trial.failed(node.version, OSError("no such pin"))
    node = boot(made)
    assert name(node) == "old"
    assert "OSError: no such pin" in node.config_problem
    assert not config_trial.failed(node.version, OSError("for a moment"))
    assert config_trial.failed(node.version, ValueError("bad pin"))
    node = boot(made)
    assert node.parsed["channels"] == []
    assert node.config_problem == "ValueError: bad pin"
    Node.version = "1.2.4"
    assert name(boot(made)) == "old"
    Node.version = "1.2.3"
    stage(made)
    assert name(boot(made)) == "new"
    confirm(made)
    assert name(boot(made)) == "new"


def test_a_config_that_cannot_be_read_leaves_none_and_says_why():
    for text in (b"", b"{", b"[]", b'{"board":1}', bytes(9000), OLD[:-1], b"\xff\xfe"):
        node = boot(flash(text))
        assert node.parsed["channels"] == []
        assert node.config_problem


def test_two_configs_that_do_not_fit_together_are_refused_and_nothing_changes():
    made = flash(OLD + b" " * 7900)
    before = bytes(made.image)
    try:
        stage(made, NEW + b" " * 8500)
    except OSError as error:
        told = str(error)
    assert "no room" in told
    assert bytes(made.image) == before


def test_a_cut_at_every_write_leaves_old_or_new():
    """Staging, the start of the trial, its end either way; then a start, with its own cuts."""
    seen = {}
    for end in (confirm, _give_up):
        total = _run(flash(), end, -1)[1]
        for number in range(total):
            for i, shape in enumerate(SHAPES):
                if (number * 5 + i) % STRIDE:
                    continue
                cut = _run(flash(), end, number, shape)[0]
                kept = bytes(cut.image)
                node = boot(cut, POWER_ON)
                assert name(node) in ("old", "new"), (number, shape)
                assert others(cut) == OTHERS
                seen[name(node)] = seen.get(name(node), 0) + 1
                if number % 8 == 0:
                    _cut_the_start(kept, shape)
    assert min(seen.values()) > 20, seen


def _cut_the_start(image, shape):
    counting = Flash(BLOCKS, image)
    boot(counting, POWER_ON)
    for number in range(counting.operations):
        again = Flash(BLOCKS, image)
        left = _cut_at(again, number, shape)
        try:
            boot(again, POWER_ON)
        except CutError:
            pass
        node = boot(left[0] if left else again, POWER_ON)
        assert name(node) in ("old", "new")
        assert others(chip.flash) == OTHERS


def _give_up(made):
    config_trial.roll_back(made, "no laptop")


def _run(made, end, number, shape="nothing"):
    """Stage, start, end, cut at an operation: the flash as that leaves it, and the operations."""
    first = made.operations
    left = _cut_at(made, number, shape) if number >= 0 else []
    try:
        stage(made)
        boot(made)
        end(made)
    except CutError:
        pass
    return (left[0] if left else made), made.operations - first


def _cut_at(made, number, shape):
    left = []
    wanted = made.operations + number + 1

    def watch(kind, block, offset, data):
        if made.operations == wanted:
            left.append(made.torn(kind, block, offset, data, shape, number + 1))
            raise CutError

    made.watch = watch
    return left


def test_every_flipped_bit_and_truncation_ends_in_old_new_or_none():
    made = flash()
    stage(made, NEW)
    boot(made)
    confirm(made)
    whole = bytes(made.image)
    half = BLOCKS // 2 * BLOCK
    for start in (0, half):
        n = state.length(whole[start : start + 16], half)
        for at in range(start, start + n):
            if at % STRIDE and at - start > state.HEADER_SIZE:
                continue
            bit = 1 << (at // STRIDE & 7)  # check_store.py flips all of them
            made.image[at] ^= bit
            _check_damaged(boot(made, RESET), made, whole)
            made.image[at] ^= bit
            made.image[at : start + n] = b"\xff" * (start + n - at)
            _check_damaged(boot(made, RESET), made, whole)
            made.image[:] = whole
    made.image[3] ^= 1
    made.image[half + 3] ^= 1
    node = boot(made)
    assert node.parsed["channels"] == []
    assert node.config_problem.startswith("both copies")


def _check_damaged(node, made, whole):
    assert name(node) in ("old", "new")
    assert node.config_problem or bytes(made.image) == whole or name(node) == "new"
    if bytes(made.image) != whole:  # the start gave a trial up: undo that for the next one
        made.image[:] = whole


def others(made):
    return {tag: value for tag, value in copies.load(made).items() if tag in OTHERS}
