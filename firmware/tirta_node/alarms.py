# SPDX-License-Identifier: MIT
"""Alarms: judged in the slack, once a record. Imported only for configs that name some.

An alarm is raised when its condition held for its delay, and over when it does not hold any more by
its hysteresis; both are records in the log at once. Values with the flags 3, 4 and 9 neither raise
nor end one, but `fault`, which is these very flags 4 and 9.
"""

from tirta_format.alarm_log import ABOVE, BELOW, FAULT, TAMPER, record
from tirta_node import rarely
from tirta_node.hal import chip
from tirta_node.sampler import SLOT


class Alarm:
    """`cell` is the place of its column, `delay` in records. `source`: a pin or Hours."""

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
        self._output = output
        self._tag = tag
        self._slot = node.sampler.groups[-1].words[SLOT]

    def step(self):
        """Judge the last record if it is a new one."""
        slot = self._node.sampler.groups[-1].words[SLOT]
        if slot == self._slot:
            return
        self._slot = slot
        self.judge(self._node.clock.unix_ms() // 1000)

    def judge(self, unix_s):
        """The ring's `values` and `flags` are a record of this time (0: unknown)."""
        ring = self._node.ring
        keep = False
        for alarm in self._found:
            value, flag = ring.values[alarm.cell], ring.flags[alarm.cell]
            holds = self._holds(alarm, unix_s, value, flag)
            alarm.held = alarm.held + 1 if holds and not alarm.on else 0
            if holds != alarm.on and (alarm.on or alarm.held > alarm.delay):
                alarm.on = holds
                self._tell(alarm, value if flag <= 3 else 0)
            if alarm.kind > TAMPER and alarm.source.ended:
                alarm.source.ended = False
                keep = True
        if keep:
            self._keep()

    def _holds(self, alarm, unix_s, value, flag):
        kind = alarm.kind
        if kind == TAMPER:
            return alarm.source.value() == 1
        if kind == FAULT:
            return flag >= 4
        if kind > TAMPER:
            if not unix_s:
                return alarm.on
            ring = self._node.ring
            return alarm.source.take(unix_s, value, flag, ring.values, ring.flags)
        if flag > 2:
            return alarm.on
        edge = alarm.back if alarm.on else alarm.limit
        if kind == ABOVE:
            return value > edge
        return kind == BELOW and value < edge

    def _tell(self, alarm, value):
        node = self._node
        if self._output is not None:
            self._output.value(1 if self.names() else 0)
        try:
            uptime_ms = node.clock.uptime_ms()
            node.keeper.log.note(record(uptime_ms, alarm.name, alarm.on, alarm.kind, value))
        except OSError as error:
            node.keeper.fail(error)  # status says both

    def names(self):
        """Those that are raised."""
        return [alarm.name for alarm in self._found if alarm.on]

    def _keep(self):
        """What the nights taught, into the state: once a day."""
        words = b"".join(bytes(a.source.judge.words) for a in self._found if a.kind > TAMPER)
        args = chip.partition("state"), {self._tag[0]: self._tag[1] + words}
        try:
            rarely.call("tirta_node.store", "change", *args)
        except OSError as error:
            self._node.keeper.fail(error)
        self._node.sampler.flash_was_busy()
