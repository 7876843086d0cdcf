# SPDX-License-Identifier: MIT
"""At a start: records that lie in the journal but not yet in the log go into the log.

They belong to the boot and the config under which they were taken, so they get pages and chunks of
those. Needed once, then dropped from RAM.
"""

from tirta_format import meta, record
from tirta_format import page as pages
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
        if after < 0 or index.numbers[after] >= number:
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
    decoder = record.Decoder(header.channels)
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
    recorder = ring = header = None
    for head, boot, number, slot, values, flags in _unlogged(flash, index, log.number):
        if recorder is None or head.config_hash != header.config_hash or boot != log.boot:
            if recorder is not None:
                recorder.settle()
            header = head
            log.turn(head.channels, head.config_hash, boot)
            log.count(counted if head.config_hash == config_hash else {})
            log.check()
            ring = Ring(head.channels)
            ring.next_slot = slot
            recorder = Recorder(ring, None, log)
        if number != log.number + ring.count:
            recorder.settle()
            lost = number - log.number
            log.note_loss(meta.LOSS_FLASH, lost, 0, number)
            log.move(boot, number)
        if ring.is_full():
            recorder.settle()
        for i in range(head.channels):
            ring.values[i] = values[i]
            ring.flags[i] = flags[i]
        ring.push(slot)
        count += 1
    if recorder is not None:
        recorder.settle()
        log.before_note = None
    return count
