# SPDX-License-Identifier: MIT
"""What a laptop may ask, and the answers (FORMAT.md section 10).

Each method takes the sequence and the payload of one request. Requests may come twice, so each
does the same the second time. What changes the node is rare, and its modules are loaded for the
moment.
"""

import gc
import json
import struct
import time

from micropython import const

from tirta_format import frame, record
from tirta_node import unload
from tirta_node.line.console import RUN
from tirta_node.sampling import sampler

_REPORT = const("tirta_node.requests.status")
_BAUDS = (1200, 5000000)  # what the chip's UART can do; 0 = no UART
# Requests come in ranges of eight: the module whose `handle` answers them.
_PULL = (frame.INDEX, frame.READ, frame.PULLED)
_PAGES = const("tirta_node.requests.pages")
_CONFIGS = (frame.CONFIG_APPLY, 0x30)
_STAGE = const("tirta_node.requests.stage")
_RARE = (
    "tirta_node.requests.settings", "tirta_node.requests.settings", "tirta_node.line.baud",
    "tirta_node.requests.keys_and_modes", "tirta_node.requests.timing",
    "tirta_node.updates.update", "tirta_node.requests.config_requests",
)  # fmt: skip


class Dispatcher:
    """`node` is the application: it knows the parts. `wish` is what the laptop wants it to do."""

    def __init__(self, node, console):
        self._node = node
        self._console = console
        self.upload = bytearray(0)  # a config that comes in parts
        self.have = 0  # bytes of it
        self.secrets = b""  # passwords that belong to it
        self.wish = RUN
        self._identity = b""  # said at every hello, the same for a whole boot
        self._methods = {
            frame.HELLO: self._hello,
            frame.STATUS: self._status,
            frame.COMMIT: self._commit,
            frame.VALUES: self._values,
        }

    def handle(self, kind, sequence, payload):
        """Answer one request."""
        method = self._methods.get(kind)
        try:
            if method is not None:
                method(sequence, payload)
            else:
                module = _module(kind)
                unload.call(module, "handle", self._node, self._console, kind, sequence, payload)
        except KeyError:
            text = "this firmware has no such request"
            self._console.refuse(sequence, frame.BAD_REQUEST, text)
        except (ValueError, IndexError) as error:
            self._console.refuse(sequence, frame.BAD_PAYLOAD, str(error))
        except OSError as error:
            self._console.refuse(sequence, frame.FLASH_FAILED, str(error))
        except MemoryError:
            gc.collect()
            uplink = getattr(self._node, "uplink", None)  # the rescue has none
            if not (uplink and uplink.hold(self.handle, kind, sequence, payload)):
                text = "not enough memory for that now"
                self._console.refuse(sequence, frame.NOT_NOW, text)

    def lend(self, methods):
        """From now on requests of these kinds go to these methods, an update's: {kind: method, or
        None to undo it}.
        """
        self._methods.update(methods)

    def _json(self, kind, sequence, value):
        self._console.answer(kind, sequence, json.dumps(value).encode())

    def _hello(self, sequence, payload):
        if len(payload) < 2 or not payload[0] <= frame.PROTOCOL <= payload[1]:
            raise ValueError("this node speaks link protocol %d" % frame.PROTOCOL)
        if len(payload) > 2:
            baud = int(bytes(payload[2:]).decode())
            if _BAUDS[0] <= baud <= _BAUDS[1] or not baud:
                self._pace(baud)
        if not self._identity:
            told = unload.call(_REPORT, "identity", self._node)
            self._identity = json.dumps(told).encode()
        self._console.answer(frame.HELLO, sequence, self._identity)

    def _pace(self, baud):
        """A laptop says at which rate it is heard; once the node has set one, that may be late."""
        console = self._console
        if not console.switched:
            self._node.line.pace(baud)
            if baud:
                console.first_baud = min(baud, console.first_baud)

    def _status(self, sequence, payload):
        unload.wipe()
        gc.collect()  # or what is only waiting to be collected would count as used
        status = unload.call(_REPORT, "status", self._node, gc.mem_free())
        self._json(frame.STATUS, sequence, status)

    def _values(self, sequence, payload):
        self._json(frame.VALUES, sequence, _latest(self._node))

    def _commit(self, sequence, payload):
        self._node.keeper.settle()
        log = self._node.keeper.log
        self._console.answer(frame.COMMIT, sequence, struct.pack("<IIH", log.number, *log.end()))


def _latest(node):
    """The columns of the last record, [name, value or null, flag], and when it was."""
    rows = []
    slot, age_ms = -1, 0
    if node.sampler:
        for i, name in enumerate(node.sampler.columns):
            flag = node.ring.flags[i]
            rows.append([name, None if flag == record.MISSING else node.ring.values[i], flag])
        slot, age_ms = _last(node)
    return {
        "number": node.keeper.number(),
        "boot": node.keeper.log.boot,
        "slot": slot,
        "age_ms": age_ms,
        "unix_ms": node.clock.unix_ms(),
        "values": rows,
    }


def _last(node):
    """Slot and age of the last record, by the fastest of the sampler's groups."""
    groups = node.sampler.groups
    fastest = groups[0]
    for group in groups:
        if group.period_ms < fastest.period_ms:
            fastest = group
    period_ms, interval_ms = fastest.period_ms, node.config["interval_ms"]
    left_ms = time.ticks_diff(fastest.words[sampler.DUE], time.ticks_ms())
    slot, beyond_ms = divmod(fastest.words[sampler.SLOT] * period_ms, interval_ms)
    return slot - 1, beyond_ms + period_ms - left_ms


def _module(kind):
    """Whose `handle` answers. Raises KeyError when nobody does."""
    if kind in _PULL:
        return _PAGES
    if kind in _CONFIGS:
        return _STAGE
    if kind >> 3 >= len(_RARE):
        raise KeyError(kind)
    return _RARE[kind >> 3]
