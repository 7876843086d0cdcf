# SPDX-License-Identifier: MIT
"""Every writer of the state, with guesses and a time floor behind the copy in force: neither is
forgotten, whatever is written and wherever the power is cut. `state_reader` judges, which shares no
code with the node.
"""

import json
import struct
import sys

import nochip  # noqa: F401 - before anything of ours
from nor import SHAPES, Flash, Random
from state_reader import in_force, learned

import tirta_node.hal
from tirta_format import access, calibration, entries, frame, staging, state


class ResetError(Exception):
    pass


class Chip:
    """What the writers ask the chip for."""

    flash = None

    def partition(self, name):
        return self.flash

    def node_id(self):
        return "02fb6be3ee96"

    def reset_cause(self):
        return 2

    def visit(self):
        return 1800, 0

    def reset(self):
        raise ResetError

    def __getattr__(self, name):
        return lambda *args: None


class Nothing:
    """Takes any call."""

    def __getattr__(self, name):
        return lambda *args: None


chip = tirta_node.hal.chip = sys.modules["tirta_node.hal.chip"] = Chip()
for name in ("one_shot", "watchdog", "flash", "mark"):
    sys.modules["tirta_node.hal." + name] = Nothing()
    setattr(tirta_node.hal, name, sys.modules["tirta_node.hal." + name])
sys.modules["vfs"] = Nothing()


class NoCipher:
    """For the webassembly port, which has no cryptolib."""

    def aes(self, *args):
        return self

    def decrypt(self, data):
        return data


try:
    import cryptolib  # noqa: F401
except ImportError:
    sys.modules["cryptolib"] = NoCipher()

import trials  # noqa: E402 - out of frozen/, with that chip

from tirta_node.access import login_notes  # noqa: E402
from tirta_node.alarms import alarms  # noqa: E402
from tirta_node.requests import calibrate, keys_and_modes  # noqa: E402
from tirta_node.requests import config_requests as requests  # noqa: E402
from tirta_node.requests import stage as brought  # noqa: E402
from tirta_node.state import config_trial, copies  # noqa: E402
from tirta_node.updates import app_trial, start_trial, update  # noqa: E402

SLOW = sys.maxsize < 1 << 32  # the webassembly port
BLOCKS = 8
SEEDS = 3  # histories of each writer; more in `make campaign`
CHANNEL = (
    '"channels":[{"high":10,"low":0,"name":"p","pin":34,"sensor":"current","shunt_mohm":100000}]'
)
OLD = ('{"board":"b",%s,"name":"old"}' % CHANNEL).encode()
NEW = OLD.replace(b"old", b"new")
HASH = struct.pack("<I", state.config_hash(NEW))
VERSIONS = b"0.1.0\x000.2.0"
ON_TRIAL = {staging.STAGED: struct.pack(staging.HEAD, staging.TESTED + 1, 60) + NEW}
TOLD = {state.OUTCOME: b"\1" + VERSIONS}
UPDATE = {state.TRIAL: b"b\x01" + VERSIONS, state.PREVIOUS: b"b0.0.9"}


class Console:
    stream = None
    said = None

    def answer(self, kind, sequence, data):
        self.said = kind

    def refuse(self, sequence, code, text):
        raise AssertionError(text)


class Gate:
    keys = (b"", b"", bytes(32))
    claims = access.claims(access.ADMINISTRATOR, 7, 1, access.NEVER)

    def __getattr__(self, name):
        return lambda *args: None


class Node:
    """What the writers need of an application."""

    slot = b"a"
    version = "0.1.0"
    board = "b"
    sampler = None
    trial_s = 0
    config_problem = ""
    have = 0
    upload = b""
    secrets = b'{"wifi":"w"}'

    def __init__(self):
        self.dispatcher = self.keeper = self.log = self.clock = self
        self.gate = Gate()
        self.console = Console()

    def uptime_ms(self):
        return 1

    def fail(self, error):
        raise error

    def note(self, payload):
        self.noted = payload

    def lend(self, methods):
        pass

    def ask(self, module, kind, payload):
        module.handle(self, self.console, kind, 0, payload)

    def bring(self, text):
        self.upload, self.have = text, len(text)


class Source:
    words = bytes(12)


class Alarm:
    kind = 99
    source = Source()


def apply_config(node, flash):
    node.bring(NEW)
    node.ask(brought, frame.CONFIG_APPLY, HASH)


def stage(node, flash):
    node.bring(NEW)
    node.ask(brought, staging.STAGE, HASH + b"\x3c\0")


def confirm(node, flash):
    node.trial_s = 60
    node.ask(requests, staging.CONFIRM, HASH)


def choose(node, flash):
    config_trial.choose(node, flash, copies.load(flash))


def leave(node, flash):
    node.trial_over = True
    node.trial_s = 60
    config_trial.leave(node)


def fails(node, flash):
    config_trial.failed("0.1.0", ValueError("no such pin"))


def calibrated(node, flash):
    asked = {"c": "p", "k": {"low": 1, "high": 9}, "m": "two points", "p": [], "t": 7, "w": "me"}
    node.ask(calibrate, calibration.CALIBRATE, json.dumps(asked).encode())


def change_key(node, flash):
    node.ask(keys_and_modes, access.KEY, bytes(16) + b"k" * 32)


def night(node, flash):
    self = Node()
    self._found, self._tag = [Alarm()], (21, b"\1\2\3\4")
    self._node = Node()
    self._node.sampler = Nothing()
    alarms.Alarms._keep(self)


def boots(node, flash):
    trials.begin(flash, copies.load(flash))


def full(node, flash):
    found = login_notes.LoginNotes(flash)
    for _ in range(found.room + 1 - found.used):
        found.add(entries.CHALLENGED)


# (name, what the state holds besides, the writer)
WRITERS = (
    ("identity", {}, lambda n, f: n.ask(requests, staging.WHO_PUT, b'{"district":"x"}')),
    ("apply", {}, apply_config),
    ("stage", {}, stage),
    ("confirm", ON_TRIAL, confirm),
    ("count a boot on trial", {staging.STAGED: b"\2\x3c\0" + NEW}, choose),
    ("give a config up", ON_TRIAL, choose),
    ("not confirmed", ON_TRIAL, leave),
    ("a config fails", {}, fails),
    ("calibrate", {}, calibrated),
    ("mode", {}, lambda n, f: n.ask(keys_and_modes, access.MODE, b"\0")),
    ("key", {}, change_key),
    ("begin an update", UPDATE, lambda n, f: update._begin(n, n.console, {}, b"b")),
    ("try an update", {}, lambda n, f: start_trial._start_trial(n, b"b", "0.2.0")),
    ("confirm an update", UPDATE, lambda n, f: app_trial.confirm(n)),
    ("tell of an update", TOLD, lambda n, f: app_trial._tell(n, TOLD[state.OUTCOME])),
    ("a boot of an update", UPDATE, boots),
    ("an update fails", UPDATE, lambda n, f: trials.failed(f, copies.load(f))),
    ("alarms at night", {}, night),
    ("a start", {}, lambda n, f: login_notes.LoginNotes(f)._renew()),
    ("no room for an entry", {}, full),
)  # fmt: skip


def history(random):
    """What a life may leave behind a copy: entries, some of them torn."""
    out = b""
    for _ in range(random.next() % 12):
        kind = 1 + random.next() % 4
        entry = entries.encode(kind, random.next() if kind == entries.FLOOR else 0)
        dice = random.next() >> 9
        if dice % 8 == 0:
            entry = entry[: dice % 7] + b"\xff" * (8 - dice % 7)
        elif dice % 8 == 1:
            entry = bytes(a | b for a, b in zip(entry, random.bytes(8)))
        out += entry
    return out


def flash_of(extra, random):
    """A state in force with a history behind it, and room or none."""
    flash = Flash(BLOCKS)
    fields = {state.SLOT: b"a", state.MODE: b"locked", state.KEY: bytes(32), state.CONFIG: OLD}
    fields.update(extra)
    if random.next() & 64:
        fields[state.FLOOR] = struct.pack("<I", random.next())
        fields[state.GUESSES] = bytes((random.next() & 7, 3)) + bytes(random.next() % 9)
    fields[99] = bytes(random.next() % 4200)
    if random.next() & 128:  # the other half holds an older copy
        copies.change(flash, {state.FLOOR: b"\1\0\0\0", state.GUESSES: b"\0\0"})
    copies.change(flash, fields)
    _, _, end, _ = in_force(flash.image)
    said = history(random)[: -end % 4096 // 8 * 8]
    flash.image[end : end + len(said)] = said
    flash.operations = 0
    return flash


def run(writer, flash):
    chip.flash = flash
    try:
        writer(Node(), flash)
    except ResetError:
        pass


def judge(name, extra, writer, seed, shapes):
    """Run a writer and cut it at every operation; return how many cuts that were."""
    flash = flash_of(extra, Random(seed))
    before = learned(flash.image)
    found = login_notes.LoginNotes(Flash(BLOCKS, flash.image))
    assert (found.floor_s, found.wrong) == before, "the node reads otherwise"
    torn_counts = name == "no room for an entry"  # a torn one counts as a guess
    cuts = [0]

    def watch(kind, block, offset, data):
        for shape in shapes:
            torn = flash.torn(kind, block, offset, data, shape, seed + flash.operations)
            floor_s, wrong = learned(torn.image)
            where = name, seed, flash.operations, shape, floor_s, wrong, before
            assert floor_s == before[0], where
            assert wrong == before[1] or (torn_counts and wrong == before[1] + 1), where
            cuts[0] += 1

    flash.watch = watch
    run(writer, flash)
    assert flash.operations, name + " writes nothing"
    assert learned(flash.image) == before, (name, seed, learned(flash.image), before)
    return cuts[0]


def try_all(seeds, shapes, writers=WRITERS):
    """Every writer with the histories of these seeds; return how many cuts that were."""
    return sum(
        [
            judge(name, extra, writer, 1 + seed * 100 + i, shapes)
            for seed in seeds
            for i, (name, extra, writer) in enumerate(writers)
        ]
    )


def some(first, last):
    """Writers of WRITERS, as a test has time for them."""
    seeds, shapes = (range(1), SHAPES[1:3]) if SLOW else (range(SEEDS), SHAPES)
    cuts = try_all(seeds, shapes, WRITERS[first:last])
    assert cuts > 8 * (last - first), cuts


def test_identity_and_configs_forget_nothing():
    some(0, 3)


def test_trials_of_configs_forget_nothing():
    some(3, 8)


def test_a_calibration_forgets_nothing():
    some(8, 9)


def test_keys_and_modes_forget_nothing():
    some(9, 11)


def test_updates_forget_nothing():
    some(11, 17)


def test_nights_starts_and_logins_forget_nothing():
    some(17, len(WRITERS))


def test_a_floor_that_is_set_is_lower_afterwards():
    flash = flash_of({}, Random(5))
    copies.change(flash, {state.FLOOR: struct.pack("<I", 7)})
    assert learned(flash.image)[0] == 7


def test_a_change_that_changes_nothing_writes_nothing():
    flash = flash_of({}, Random(11))
    assert not copies.change(flash, {state.SLOT: b"a", 98: None})
    assert flash.operations == 0
