# SPDX-License-Identifier: MIT
"""How the log goes on in another page, and what it says of itself. Called by `unload`, with the
Log, some ten times a page.
"""

from tirta_format import meta
from tirta_format import page as pages
from tirta_node.storage.leaving_page import leaving


def checkpoint(log):
    """Note totals, losses, and what a laptop has."""
    kept = log.is_kept
    if not kept:
        log.attempts.renew()
        log.is_kept = True  # one attempt, not two
    try:
        if log.before_note is not None and log.is_found:
            log.before_note()  # or the totals would lack what comes before them
        log.note(_checkpoint(log))
    finally:
        log.is_kept = kept


def keep_pulled(log, number):
    """A laptop has every record below `number`: durable when this returns."""
    if number > log.pulled:
        before, log.pulled = log.pulled, number
        try:
            checkpoint(log)
        except OSError:
            log.pulled = before
            raise


def stop(log, reason):
    """Note that the node stops in order; everything before is in the log."""
    checkpoint(log)
    log.note(meta.stop(log.uptime_ms(), reason))


def note_config(log, text):
    """Put the text of the config in force into the log."""
    for offset in range(0, len(text), meta.CONFIG_PART):
        log.note(meta.config(log.uptime_ms(), log.config_hash, text, offset))


def note_loss(log, reason, at_most, duration_ms, before=None):
    """Records are missing before number `before` (the next one): say so, and count them."""
    number = log.number if before is None else before
    log.note(meta.loss(log.uptime_ms(), reason, number, at_most, duration_ms))
    log.lost += at_most  # now: a checkpoint before the note would count it twice


def erase_ahead(log):
    """Make the next page ready."""
    ring = log.ring
    ring.attempt()
    victim = ring.victim()
    if victim != log.left:
        leave(log, victim)
    if victim == log.left and not ring.make_spare():  # else a page was opened meanwhile
        ring.refuse()


def open_page(log):
    """Go on in a new page."""
    ring = log.ring
    opening, log.opening = log.opening, True
    try:
        ring.attempt()
        while True:
            if not ring.spare_ready():
                victim = ring.victim()
                if victim != log.left:
                    log.carried.append(leaving(log, ring, victim))
                    log.left = victim
                if not ring.make_spare():
                    ring.refuse()
            log.seq += 1  # also for one that fails: part of it may be there
            if ring.open(_header(log)):
                break
            if ring.spare_ready():  # nothing came of it, and an erase would not help
                ring.refuse()
        log.seq = log.index.seqs[ring.block]
        log.page_slot = log.slot
        log.page_version = log.version
        log.left = -1
        log.checked = True
        log.write_note(_checkpoint(log))
        while log.carried:
            overwritten, end, configs = log.carried[0]
            _note_overwritten(log, overwritten, end)
            for payload in configs:
                log.write_note(payload)
            log.carried = log.carried[1:]
        if not ring.spare_ready():
            leave(log, ring.victim())
    finally:
        log.opening = opening


def leave(log, block):
    """Say what the erase of this page will take away, and log again what others refer to."""
    ring = log.ring
    overwritten, end, configs = leaving(log, ring, block)
    _note_overwritten(log, overwritten, end)
    for payload in configs:
        if ring.victim() != block:
            return  # that note opened a page, which took this one and carried its configs
        log.note(payload)
    if ring.victim() == block:
        log.left = block


def _checkpoint(log):
    totals = [(name, log.totals[name]) for name in sorted(log.totals)]
    return meta.checkpoint(log.uptime_ms(), log.pulled, log.lost, totals)


def _header(log):
    head = pages.Header(
        log.channels, log.seq, log.epoch, log.number, log.slot, log.boot, log.config_hash
    )
    clock = log.clock
    head.version = log.version
    head.date(clock.start_unix_ms(), clock.source, clock.uncertainty_now_ms())
    return head


def _note_overwritten(log, records, end):
    if records > 0 and end > log.gone:
        before, log.gone = log.gone, end  # now: the note may open a page, which looks here
        try:
            note_loss(log, meta.LOSS_OVERWRITTEN, records, 0, end)
        except OSError:
            log.gone = before
            raise
