# SPDX-License-Identifier: MIT
"""At a start: records that lie in the journal but not yet in the log go into the log.

They belong to the boot and the config under which they were taken, so they get pages and chunks of
those. Needed once, then dropped from RAM.
"""

from tirta_format import meta, record_reader
from tirta_format import page as pages
from tirta_node.packer import Packer
from tirta_node.recorder import Recorder
from tirta_node.ring import Ring


def _unlogged(flash, index, number):
    """Yield (header, boot, number, slot, values, flags) of each record in the journal from `number`
    on, in order.
    """
    page = bytearray(pages.SIZE)
    block = index.after(1)
    while block >= 0:
        seq = index.seqs[block]
        after = index.after(seq + 1)
        begins = index.number(after) if after >= 0 else 0
        if not begins or begins >= number:
            flash.read(block, 0, page)
            header = pages.header(page, pages.MARK_JOURNAL)
            for found in _records(page, header):
                if found[1] == number:
                    number += 1
                    yield (header,) + found
                elif found[1] > number:
                    number = found[1] + 1
                    yield (header,) + found
        block = after


def _records(page, header):
    """(boot, number, slot, values, flags) of each record that lies whole in a journal page."""
    decoder = record_reader.Decoder(header.channels)
    decoder.restart(header.boot, header.number, header.slot)
    chain = True
    view = memoryview(page)
    for kind, at, n in pages.chunks(page, header.crc):
        if kind == pages.DAMAGED:
            chain = False
        elif kind == pages.RECORDS_AT or (kind == pages.RECORDS and chain):
            chain = True
            placed = kind == pages.RECORDS_AT
            for number, slot, values, flags in decoder.records(view[at : at + n], placed):
                yield decoder.boot, number, slot, values, flags


def into_log(flash, index, log, counted, config_hash):
    """Write to `log` the records that it lacks; how many. Raises OSError as the log does."""
    count = 0
    writer = None
    for head, boot, number, slot, values, flags in _unlogged(flash, index, log.number):
        if writer is None or not writer.takes(head, boot):
            if writer is not None:
                writer.settle()
            log.resume()
            log.turn(head.channels, head.config_hash, boot)
            log.count(counted if head.config_hash == config_hash else {})
            log.check()
            writer = _Writer(log, head, boot, slot)
        writer.put(number, slot, values, flags)
        count += 1
    if writer is not None:
        writer.settle()
        log.before_note = None
    return count


def _nothing():
    """Nobody waits for what this recorder has to do."""


class _Writer:
    """Brings records of one boot under one config into the log."""

    def __init__(self, log, head, boot, slot):
        self._log = log
        self._head = head
        self._boot = boot
        self._ring = Ring(head.channels)
        self._ring.begin(slot)
        self._recorder = Recorder(self._ring, None, log, Packer(self._ring), _nothing)
        self.settle = self._recorder.settle

    def takes(self, head, boot):
        """Whether a record under this header and of this boot belongs to the same run."""
        return head.config_hash == self._head.config_hash and boot == self._boot

    def put(self, number, slot, values, flags):
        """Take one record."""
        log = self._log
        ring = self._ring
        if number != log.number + ring.count():
            self.settle()
            log.note_loss(meta.LOSS_FLASH, number - log.number, 0, number)
            log.move(self._boot, number)
        if ring.is_full():
            self.settle()
        for i in range(ring.channels):
            ring.values[i] = values[i]
            ring.flags[i] = flags[i]
        ring.push(slot)
