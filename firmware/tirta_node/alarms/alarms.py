# SPDX-License-Identifier: MIT
"""Alarms: judged in the slack, once a record. Imported only for configs that name some.

An alarm is raised when its condition held for its delay, and over when it does not hold any more by
its hysteresis; both are records in the log at once. Values with the flags 3, 4 and 9 neither raise
nor end one, but `fault`, which is these very flags 4 and 9.
"""

from array import array

from micropython import const

from tirta_format import record
from tirta_node import unload
from tirta_node.sampling.sampler import SLOT

_ABOVE, _BELOW, _FAULT = const(0), const(1), const(2)  # as in alarm_log.py
_TAMPER, _NIGHT = const(3), const(5)
_FROM_MS = 1577836800000  # 2020
_TO_S = const(0x3FFFFFFF)  # 2054: as many seconds as take no heap


class Alarm:
    """`cell` is the place of its column, `delay` in records. `source`: a pin, Hours, Night
    or one of meter.py."""

    def __init__(self, name, kind, cell, delay, source):
        self.name = name
        self.kind = kind
        self.cell = cell
        self.delay = delay
        self.source = source
        self.limit = 0
        self.back = 0  # the value at which it is over
        self.on = False
        self.held = 0  # records for which the condition held


class Alarms:
    """`output` is a pin that is high while any alarm is raised, or None."""

    def __init__(self, node, found, output, tag):
        self._node = node
        self._found = found
        self.is_sick = None  # of meter.py, where one is watched
        self._output = output
        self._tag = tag
        self._slot = node.sampler.groups[-1].words[SLOT]
        self._refused = node.ring.refused  # the ring was full: it holds the record before
        self._anchor = None
        self._begin = array("i", (0, 0))  # of the uptime: seconds since 2020, and ms
        self._interval_s, self._rest_ms = divmod(node.config["interval_ms"], 1000)

    def step(self):
        """Judge the last record if it is a new one."""
        slot = self._node.sampler.groups[-1].words[SLOT]
        if slot == self._slot:
            return
        self._slot = slot
        refused = self._node.ring.refused
        if refused == self._refused:
            self.judge(self._ended(slot))
        self._refused = refused

    def _ended(self, slots):
        """When the last record ended, as the laptop dates it: seconds since 2020 began, rounded; 0
        when nobody said. Only a new anchor makes large numbers, and they stay large however small
        the result is: it comes out of an array as one that takes no heap.
        """
        clock = self._node.clock
        begin = self._begin
        if clock.anchor_uptime_ms is not self._anchor:
            self._anchor = clock.anchor_uptime_ms
            begin_s, begin[1] = divmod(clock.start_unix_ms() - _FROM_MS, 1000)
            begin[0] = begin_s if 0 <= begin_s < _TO_S else -1  # else no clock that was set
        if begin[0] < 0:
            return 0
        part_ms = begin[1] + slots * self._rest_ms + 500
        return begin[0] + slots * self._interval_s + part_ms // 1000

    def judge(self, at_s):
        """The ring's `values` and `flags` are a record that ended then."""
        ring = self._node.ring
        keep = False
        for alarm in self._found:
            value, flag = ring.values[alarm.cell], ring.flags[alarm.cell]
            holds = self._holds(alarm, at_s, value, flag)
            alarm.held = alarm.held + 1 if holds and not alarm.on else 0
            if holds != alarm.on and (alarm.on or alarm.held > alarm.delay):
                alarm.on = holds
                self._tell(alarm, value if flag <= 3 and alarm.kind != _TAMPER else 0)
            if _TAMPER < alarm.kind <= _NIGHT and alarm.source.ended:
                alarm.source.ended = False
                keep = True
        if keep:
            self._keep()

    def _holds(self, alarm, at_s, value, flag):
        kind = alarm.kind
        if kind == _TAMPER:
            return alarm.source.value() == 1
        if kind == _FAULT:
            return flag >= 4
        if kind > _TAMPER:
            ring = self._node.ring
            if kind > _NIGHT:
                return alarm.source.take(value, flag, ring.values, ring.flags)
            if not at_s:
                return alarm.on
            if self.is_sick is not None and self.is_sick(self._found, alarm.cell):
                flag = record.FAIL
            return alarm.source.take(at_s, value, flag, ring.values, ring.flags)
        if flag > 2:
            return alarm.on
        edge = alarm.back if alarm.on else alarm.limit
        if kind == _ABOVE:
            return value > edge
        return kind == _BELOW and value < edge

    def _tell(self, alarm, value):
        node = self._node
        if self._output is not None:
            self._output.value(1 if self.names() else 0)
        try:
            uptime_ms = node.clock.uptime_ms()
            args = uptime_ms, alarm.name, alarm.on, alarm.kind, value
            node.keeper.log.note(unload.call("tirta_format.alarm_log", "record", *args))
        except OSError as error:
            node.keeper.fail(error)  # status says both

    def names(self):
        """Those that are raised."""
        return [alarm.name for alarm in self._found if alarm.on]

    def _keep(self):
        """What the nights taught, into the state: once a day."""
        words = b"".join(bytes(a.source.words) for a in self._found if _TAMPER < a.kind <= _NIGHT)
        flash = unload.call("tirta_node.hal.chip", "partition", "state")
        args = flash, {self._tag[0]: self._tag[1] + words}
        try:
            unload.call("tirta_node.state.copies", "change", *args)
        except OSError as error:
            self._node.keeper.fail(error)
        self._node.sampler.flash_was_busy()
