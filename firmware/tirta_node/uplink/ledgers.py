# SPDX-License-Identifier: MIT
"""What node and archives say of pages: a node's hello, an archive's ledger (FORMAT.md sections 14.2
and 14.3). Both are rare. Called by `unload`.
"""

import struct

from cryptolib import aes
from micropython import const

from tirta_format import uplink, uplink_hello, uplink_ledger, uplink_seal, varint
from tirta_node import unload

_OVERDUE_MS = const(60000)  # of a ledger
_QUIET_MS = const(90000000)  # of archives of which nothing lacks
_ROUND_MS = const(4000)  # there and back, when a ledger's time is to count
_LAPTOP = const(2)  # as in meta.py: the time is a computer's
_SYNCHRONISED_MS = const(1000)


def say_hello(carrier, wire):
    """Publish what log this node has."""
    node = carrier.node
    log, clock = node.keeper.log, node.clock
    page, end = log.end()
    body = uplink_hello.hello(
        (
            log.epoch, log.boot, log.number, log.oldest_number(), page, end, log.config_hash,
            clock.unix_ms(), clock.uncertainty_now_ms() & 0xFFFFFFFF,
        ),
        uplink_hello.spans_of([seq for seq in log.index.seqs if seq]),
    )  # fmt: skip
    first = bytes((uplink.VERSION,)) + carrier.key_name + carrier.run
    at = wire.body(first, carrier.counter + 1)
    wire.buf[at : at + len(body)] = body
    wire.seal(uplink_seal.HELLO, "h", first, len(body))


def take(carrier, push, payload):
    """Take a ledger, if it is one of this run."""
    n = 1 + uplink.RUN_SIZE
    if len(payload) <= n or payload[0] != uplink.VERSION:
        return
    archive = payload[1:n]
    try:
        counter, at = varint.get(payload, n, len(payload))
        if carrier.down[0] != archive:
            keys = uplink.down_keys(carrier.key, carrier.name, carrier.run, archive)
            carrier.down = archive, keys
        body = uplink.open_(aes, carrier.down[1], uplink_seal.LEDGER, counter, payload[at:])
        if body is not None:
            uplink_ledger.known(body, 0xFFFFFFFF)
            _keep(carrier, push, archive[:8], body)
    except (ValueError, IndexError):
        pass  # a stranger's, or an archive's that is not well: nothing to believe


def _keep(carrier, push, archive, body):
    log = carrier.node.keeper.log
    epoch, heard, safe, unix_ms, uncertainty_ms, _ = struct.unpack_from(uplink_ledger.HEAD, body, 0)
    before = [ledger for ledger in push.ledgers if ledger[0] == archive]
    if epoch != log.epoch or heard > carrier.counter or (before and heard < before[0][1]):
        return
    others = [ledger for ledger in push.ledgers if ledger[0] != archive]
    push.ledgers = [(archive, heard, body)] + others[:1]
    carrier.heard_ms = carrier.now
    if log.pulled < safe <= log.number:
        log.pulled = safe
    if heard < push.last:
        return
    is_all = heard == carrier.counter
    push.overdue_ms = -1 if is_all else carrier.now + _QUIET_MS
    push.patience_ms = _OVERDUE_MS
    for i in range(len(push.done)):
        push.done[i] = 0
    newest = log.end()[0]
    if is_all:
        push.cursor = newest
        _take_time(carrier, push.wire, unix_ms, uncertainty_ms)
    else:  # what is on the way is of the newest page
        block = log.index.before(min(newest, carrier.tail[0]))
        push.cursor = log.index.seqs[block] if block >= 0 else -1
    push.at = 0


def _take_time(carrier, wire, unix_ms, uncertainty_ms):
    """Have the clock set by a ledger that answers the last message, if that tells the time better;
    never back.
    """
    clock = carrier.node.clock
    round_ms = wire.came_ms - wire.sent_ms
    unsure_ms = uncertainty_ms + round_ms // 2 + 1
    unix_ms += round_ms // 2 + carrier.node.clock.uptime_ms() - wire.came_ms
    if round_ms > _ROUND_MS or unix_ms < clock.unix_ms():
        return
    if clock.source and clock.uncertainty_now_ms() <= max(unsure_ms, _SYNCHRONISED_MS):
        return
    unload.call("tirta_node.start.clock_notes", "put", carrier.node, unix_ms, _LAPTOP, unsure_ms)
