# SPDX-License-Identifier: MIT
"""The state partition: a change is there whole or not at all, whatever cuts it, and no byte of the
copy in force can be wrong unseen.
"""

from nor import BLOCK, SHAPES, Flash

from tirta_format import state
from tirta_node.state import copies

BLOCKS = 8
OLD = {state.SLOT: b"a", state.MODE: b"open", state.CONFIG: b'{"old":1}' * 30, 9: b""}
NEW = b'{"new":2}' * 600  # more than one block


class CutError(Exception):
    pass


def flash(fields=OLD):
    made = Flash(BLOCKS)
    copies.change(made, fields)
    return made


def test_what_is_stored_comes_back_and_nothing_is_written_twice():
    made = flash()
    assert copies.load(made) == OLD
    assert copies.config(made) == OLD[state.CONFIG]
    operations = made.operations
    assert not copies.change(made, OLD)
    assert not copies.change(made, {77: None})
    assert made.operations == operations


def test_fields_are_replaced_added_and_taken_out():
    made = flash()
    assert copies.change(made, {state.CONFIG: NEW, 77: b"x", 9: None})
    assert copies.load(made) == {1: b"a", 2: b"open", 3: NEW, 77: b"x"}


def test_copies_are_what_the_format_says():
    made = flash()
    copies.change(made, {state.CONFIG: NEW})
    for at, sequence, config in ((0, 1, OLD[state.CONFIG]), (BLOCKS // 2 * BLOCK, 2, NEW)):
        fields = dict(OLD)
        fields[state.CONFIG] = config
        whole = state.encode(sequence, fields)
        assert bytes(made.image[at : at + len(whole)]) == whole
        assert state.decode(whole) == (sequence, fields)


def test_too_much_is_refused_before_anything_is_erased():
    made = flash()
    before = bytes(made.image)
    try:
        copies.change(made, {77: bytes(BLOCKS // 2 * BLOCK)})
        raise AssertionError("accepted")
    except OSError as error:
        told = str(error)
    assert "no room" in told
    assert bytes(made.image) == before


def test_the_older_copy_is_the_one_that_goes():
    made = flash()
    for number in range(5):
        copies.change(made, {77: bytes((number,))})
    half = BLOCKS // 2
    assert made.erased == [0, half, 0, half, 0, half]


def test_a_flash_that_does_not_keep_is_told():
    for fault in ("program-half", "program-ignored", "program-error"):
        made = flash()
        made.faults = {BLOCKS // 2: fault}
        try:
            copies.change(made, {state.CONFIG: b"x"})
            raise AssertionError(fault)
        except OSError:
            assert copies.load(made) == OLD


def test_a_cut_at_any_operation_leaves_old_or_new():
    new = dict(OLD)
    new[state.CONFIG] = NEW
    changed = flash()
    first = changed.operations
    copies.change(changed, {state.CONFIG: NEW})
    seen = [0, 0]
    for number in range(first, changed.operations):
        for shape in SHAPES:
            cut = _cut(flash(), number, shape, {state.CONFIG: NEW})
            found = copies.load(cut)
            assert found in (OLD, new), (number, shape)
            seen[found == new] += 1
            copies.change(cut, {state.CONFIG: NEW})  # the next one ends it
            assert copies.load(cut) == new
    assert seen[0] > 50
    assert seen[1] >= 1


def _cut(made, number, shape, changes):
    left = []

    def watch(kind, block, offset, data):
        if made.operations == number + 1:
            left.append(made.torn(kind, block, offset, data, shape, number))
            raise CutError

    made.watch = watch
    try:
        copies.change(made, changes)
    except CutError:
        return left[0]
    raise AssertionError("operation %d never came" % number)


def test_any_flipped_bit_and_any_truncation_is_seen():
    made = flash()
    copies.change(made, {state.CONFIG: b"second", 9: None})
    new = copies.load(made)
    start = BLOCKS // 2 * BLOCK
    n = state.length(made.image[start : start + 16], start)
    for at in range(start, start + n):
        for bit in range(8):
            made.image[at] ^= 1 << bit
            assert copies.load(made) == OLD, (at, bit)
            made.image[at] ^= 1 << bit
        for erased in (0, 255):
            kept = bytes(made.image[at : start + n])
            made.image[at : start + n] = bytes((erased,)) * (start + n - at)
            changed = kept != bytes(made.image[at : start + n])
            assert copies.load(made) == (OLD if changed else new), (at, erased)
            made.image[at : start + n] = kept
    assert copies.load(made) == new
