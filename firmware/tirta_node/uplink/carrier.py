# SPDX-License-Identifier: MIT
"""An uplink as the loop knows it: what lasts a whole boot, and which module is at work.

The code for an uplink would take 25 KB at once, and a laptop's requests load modules of that size.
So each phase has a module of its own (connect, push, talk), loaded for it and dropped behind it,
over a Wire that lasts as long as the connection. While a laptop talks over the network nothing is
pushed; while one talks at the port all of it leaves RAM, until the line was quiet for a while. A
request over the network for which RAM has no room is *held*, and answered while the code of talk
and wire is put aside.
"""

import gc

from micropython import const

from tirta_node import unload

_WIRE, _TALK = const("tirta_node.uplink.wire"), const("tirta_node.uplink.talk")
_VISIT_MS = const(10000)  # after a laptop's last frame
_AGAIN_MS = const(60000)  # after RAM had no room
_LONG_MS = const(1500)  # until the next sample, to load modules, where it ever is so far away
_FIRST_MS, _LAST_MS = const(10000), const(300000)  # until the next try to connect, at most
_LEAST_MS = const(1000)
_DEAF_MS = const(10000)  # for questions, after a talk without a session: archives come first
_QUESTIONS = const(113)  # the last letter of their topic
_ROOM_MS = const(40)
_VAIN = const(3)  # tries in a network that is joined, until the radio begins anew; a long join is
_FAST_MS, _SOON_MS, _IDLE_MS = const(1), const(20), const(500)


class Carrier:
    """`settings` is the config's section, `secrets` the passwords, `key` the uplink key, `run` what
    this boot's messages are sealed under, with `keys` and under counters that only grow.
    """

    def __init__(self, node, name, settings, secrets, key, key_name, run, keys):
        self.node = node
        self.name = name
        self.settings = settings
        self.secrets = secrets
        self.key = key
        self.key_name = key_name
        self.run = run
        self.keys = keys
        self.down = (b"", None)  # an archive's 16 bytes, and the keys of its ledgers
        self.counter = 0  # of the last message
        self.now = node.clock.uptime_ms()
        self.tail = self.goal = (0, 0)  # page and end of what was sent, or shall be, of the newest
        self.push_ms = 0  # uptime of the next push
        self.raised = 0  # alarms at the last one
        self.spent = self.hour_ms = 0  # bytes of backfill in the hour since then
        self.heard_ms = -1  # uptime of the last ledger
        self.state = "join"
        self.problem = ""
        self.long_ms = min(_LONG_MS, node.sampler.groups[0].period_ms // 2)
        self._chance = run[-2] << 8 | run[-3]
        self._frame = node.console.last_frame()
        self._again_ms = _FIRST_MS
        self._vain = 0  # tries since a broker accepted the node, or the radio began
        # Before this uptime nothing is done: the line is not quiet, or a broker is not tried yet.
        self._from_ms = self.now + self.some(min(_FIRST_MS, settings["push_s"] * 10))
        self._deaf_ms = 0  # until this uptime no question is heard
        self._wire = self._job = None
        self._is_done = False  # whether the job is to be dropped
        self.talk = None  # with a laptop over the network; then nothing is pushed
        # What the console has at the port: its line, and whether that has another rate.
        self._port = (None, False)
        self.held = None  # (handle, kind, sequence, payload) of its request that wants more room
        try:
            self._load()  # before any sample is due: switching a radio on takes 100 ms
        except MemoryError:
            self._lacks_memory()

    def some(self, most_ms):
        """A time of at most `most_ms`, another one on each node and each time."""
        self._chance = (self._chance * 25173 + 13849) & 0xFFFF
        return most_ms * self._chance >> 16

    def told(self):
        """What status says: how far it is or was, what is wrong, seconds since a ledger came."""
        age_s = -1 if self.heard_ms < 0 else (self.node.clock.uptime_ms() - self.heard_ms) // 1000
        return self.state, self.problem, age_s

    def network_free(self):
        """Bytes in one piece that Wi-Fi and sockets may take."""
        return unload.call("tirta_node.hal.heap", "network_free")

    def step(self, left_ms):
        """Do what is due, if the next sample is `left_ms` away or more; return in how many
        milliseconds to look again.
        """
        self.now = self.node.clock.uptime_ms()
        frame = self.node.console.last_frame()
        if frame != self._frame:
            self._frame = frame
            if self.talk is None:
                self._rest(_VISIT_MS)
        if self.talk is not None and self.talk.is_over():
            self._end_talk()
        if self._is_done:  # here, where no frame on the stack knows it any more
            self._drop()
        if self.now < self._from_ms:
            return _IDLE_MS
        try:
            if self.held is not None and left_ms >= self.long_ms and self._is_clear():
                self._answer_held()
            return self._go_on(left_ms)
        except MemoryError:
            self._lacks_memory()
        except (OSError, ValueError) as error:
            told = error.args[0] if error.args else ""
            self._lose(told if isinstance(told, str) else "the connection is lost")
        except Exception as error:  # noqa: BLE001 - whatever is wrong here, the node samples on
            self.problem = "%s: %s" % (type(error).__name__, error)
            self._rest(_AGAIN_MS)
        return _IDLE_MS

    def _go_on(self, left_ms):
        wire, job, talk = self._wire, self._job, self.talk
        if wire is not None and wire.is_up:
            if wire.came is not None and (talk is not None or wire.came[0] == _QUESTIONS):
                return self._take(wire, left_ms)
            if talk is not None:
                return talk.step(left_ms)
            if job is not None:
                return job.step(left_ms)
        elif job is not None:
            return self._approach(wire, job) if left_ms >= _ROOM_MS else _SOON_MS
        if left_ms < self.long_ms:
            return _SOON_MS
        self._load()
        return _FAST_MS

    def _load(self):
        """Load what comes next."""
        wire = self._wire
        if wire is not None and self._vain >= _VAIN and "ethernet" not in self.settings:
            self._vain = 0
            wire.radio.switch_off()
            self._wire = wire = None
        if wire is None:
            self._wire = unload.call(_WIRE, "begin", self)
        elif wire.is_up:
            self._job = unload.call("tirta_node.uplink.push", "begin", self, wire)
        else:
            self._job = unload.call("tirta_node.uplink.connect", "begin", self, wire)

    def _take(self, wire, left_ms):
        """Take a message: a question, or while a laptop talks whatever comes."""
        letter, payload = wire.came
        if letter == _QUESTIONS and self.talk is None and self.now >= self._deaf_ms:
            console = self.node.console
            if console.is_idle() and console.lapse is None:  # else a laptop is at the port
                if left_ms < self.long_ms:
                    return _SOON_MS
                if self._job is not None:
                    self._is_done = True
                    return _FAST_MS
                self._begin_talk(wire)
        wire.came = None
        if letter == _QUESTIONS and self.talk is not None:
            self.talk.take(payload)
        return _FAST_MS

    def _begin_talk(self, wire):
        """Listen to a laptop where RAM has room for that; else archives keep the connection."""
        try:
            self.talk = unload.call(_TALK, "begin", self, wire)
        except MemoryError:
            self._deaf_ms = self.now + _AGAIN_MS
            return
        console = self.node.console
        self._port = console.use(self.talk), console.switched
        console.switched = True  # what a hello says of a rate is not about the serial line
        self.node.gate.remote = True

    def hold(self, *request):
        """Whether a request for which RAM had no room will be answered after all: (what handles it,
        kind, sequence, payload). Until then nothing more is heard of the laptop.
        """
        if self.talk is None or self.held is not None:
            return False
        handle, kind, sequence, payload = request
        self.held = handle, kind, sequence, bytes(payload)
        return True

    def _is_clear(self):
        """Whether the connection stands, and nothing is on its way out."""
        wire, talk = self._wire, self.talk
        is_up = wire is not None and wire.is_up and self._job is None
        return is_up and talk is not None and talk.is_out()

    def _answer_held(self):
        """Answer the held request while RAM has nothing of talk and wire but what they know. What
        handles it refuses it where that is no room, either.
        """
        wire, talk, held = self._wire, self.talk, self.held
        if wire is None or talk is None or held is None:
            return
        console, radio = self.node.console, wire.radio
        wire_was, talk_was = wire.put_aside(), talk.put_aside()
        self._wire = self.talk = wire = talk = None
        console.use(None, False)
        unload.wipe()
        gc.collect()
        try:
            held[0](*held[1:])
            self._wire = unload.call(_WIRE, "again", wire_was)
            self.talk = unload.call(_TALK, "again", talk_was, self._wire)
            console.use(self.talk, False)
        finally:
            self.held = None
            if self.talk is None:
                radio.close()
                self._give_back()

    def _give_back(self):
        """Give the console back to the serial line."""
        console, gate = self.node.console, self.node.gate
        line, console.switched = self._port
        console.use(line)
        gate.claims = b""
        gate.remote = False

    def _end_talk(self):
        self.held = None
        if self.talk is not None:
            self._give_back()
            if not self.talk.had_session():
                self._deaf_ms = self.now + _DEAF_MS
            self.talk = None
        unload.wipe()
        gc.collect()

    def finish(self):
        """Bring the last answer out: the node is about to stop."""
        if self.talk is not None:
            self.talk.finish()

    def _approach(self, wire, job):
        """One step towards a broker that has accepted the node."""
        wait_ms = job.step()
        if wire.is_up:
            self.state = "up"
            self.problem = ""
            self._again_ms = _FIRST_MS
            self._vain = 0
            self._is_done = True
            return _FAST_MS
        return wait_ms

    def _lose(self, why):
        """The connection is over. The next try comes at some moment of a time that doubles: a town
        of nodes lost the same broker, and shall not come back in one second.
        """
        self.problem = why
        self._from_ms = self.now + _LEAST_MS + self.some(self._again_ms)
        self._again_ms = min(_LAST_MS, 2 * self._again_ms)
        if self._wire is not None:
            self._wire.clear()
            if self._wire.radio.is_joined():
                self._vain += 1
            elif self.state == "join":
                self._vain = _VAIN
        self.state = "join"
        self._is_done = True

    def _lacks_memory(self):
        self.problem = "memory has no room for it"
        self._rest(_AGAIN_MS)

    def _rest(self, duration_ms):
        """Leave RAM for a while."""
        self._from_ms = max(self._from_ms, self.now + duration_ms)
        if self.talk is not None:
            self._end_talk()
        if self._wire is not None:
            self._wire.clear()
            self._wire = None
        self._drop()

    def _drop(self):
        self._is_done = False
        if self._job is not None:
            self._job.close()
            self._job = None
        unload.wipe()
        gc.collect()
