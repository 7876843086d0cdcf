# SPDX-License-Identifier: MIT
"""How the log goes on in another page, and what it says of itself. Called by `unload`, with the
Log, some ten times a page.
"""

from tirta_format import meta
from tirta_format import page as pages
from tirta_node.storage.leaving_page import NOT_FOUND, configs_of, holds, leaving

_UNPROVEN = 5  # refusals: 341 s
_LATER = 4  # pages that are looked at for one without a config


def checkpoint(log):
    """Note totals, losses, and what a laptop has."""
    kept = log.is_kept
    if not kept:
        log.attempts.renew()
        log.is_kept = True  # one attempt, not two
    try:
        if not log.is_found:
            raise OSError(NOT_FOUND)
        if log.before_note is not None:
            log.before_note()  # or the totals would lack what comes before them
        while not log.put_note(_checkpoint(log)):
            log.open_page()  # which may count what it overwrites
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
    """Note that the node stops in order; everything before is in the log. It is part of the
    attempt that brought it there.
    """
    kept, log.is_kept = log.is_kept, True
    try:
        checkpoint(log)
        log.note(meta.stop(log.uptime_ms(), reason))
    finally:
        log.is_kept = kept


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
    _attempt(log)
    victim = ring.victim()
    leave(log, victim)
    if victim == log.left:  # else a page was opened meanwhile
        _erase(log, victim)


def open_page(log):
    """Go on in a new page."""
    ring = log.ring
    opening, log.opening = log.opening, True
    try:
        _attempt(log)
        postponed = -1
        while True:
            if not ring.spare_ready():
                postponed = max(postponed, _take_victim(log))
            log.seq += 1  # also for one that fails: part of it may be there
            if not ring.open(_header(log)):
                if ring.spare_ready():  # nothing came of it, and an erase would not help
                    ring.refuse()
                continue
            log.seq = log.index.seqs[ring.block]
            log.page_slot = log.slot
            log.page_version = log.version
            log.left = -1
            log.checked = True
            if log.put_note(_checkpoint(log)):
                break
        if log.told > log.number:  # a start brings what lies below: it may begin several pages
            note_loss(log, meta.LOSS_TORN, 0, 0, log.told)
        if postponed >= 0:
            ring.cursor = (postponed - 1) % log.index.count
        if not log.paying:
            pay(log)
            while not ring.spare_ready() and ring.victim() != log.left:
                leave(log, ring.victim())
            _look_ahead(log)
    finally:
        log.opening = opening


def _attempt(log):
    """As `ring.attempt`. Before a boot is noted nothing is programmed beside a page that failed: so
    the journal shows whether it is bad, or the flash errs.
    """
    ring, attempts = log.ring, log.attempts
    if ring.failed >= 0 and ring.then == attempts.count and not ring.is_waiting():
        _try_programs(attempts)
    ring.attempt()


def leave(log, block):
    """Say what the erase of this page will take away, and log again what others refer to."""
    if block == log.left:
        return
    _owe(log, *leaving(log, log.ring, block))
    pay(log)
    if log.ring.victim() == block:
        log.left = block


def _look_ahead(log):
    """Log again also the configs of the page behind the one that goes next, which may prove bad."""
    ring = log.ring
    victim = ring.victim() if ring.spare < 0 else ring.spare
    block = (victim + 1) % log.index.count
    try:
        _owe(log, 0, 0, configs_of(log, ring, block) if block != ring.block else ())
    except OSError:
        return  # it can be read later, or never
    pay(log)


def pay(log):
    """Write what is owed."""
    if log.paying:
        return
    log.paying = True
    try:
        while log.owed:
            end, what = log.owed[0]
            if not end:
                log.note(what)
            elif end > log.gone:
                note_loss(log, meta.LOSS_OVERWRITTEN, what, 0, end)
                log.gone = end
            log.owed.pop(0)
    finally:
        log.paying = False


def owe_gone(log):
    """What was overwritten without a word, for the power failed between the erase and that."""
    index = log.index
    oldest = index.after(1)
    if oldest < 0:
        return
    end = index.number(oldest)
    if log.gone > end:  # a page that is to come later may be older than what was erased
        after = index.after(index.seqs[oldest] + 1)
        end = index.number(after) if after >= 0 else 0
    known = max(log.pulled, log.gone)
    _owe(log, end - known, end, ())


def _owe(log, overwritten, end, configs):
    """`owed` has (number behind the records, how many), and (0, config record)."""
    if overwritten > 0:
        log.owed.append((end, overwritten))
    for payload in configs:
        if not holds([what for debt, what in log.owed if not debt], payload):
            log.owed.append((0, payload))


def _take_victim(log):
    """Erase the next page, for none is ready: what it takes away can be said only behind it. So one
    whose config others refer to is postponed, once, behind one that has none. Which, or -1.
    """
    ring, count = log.ring, log.index.count
    victim = ring.victim()
    postponed = -1
    if victim != log.left:
        overwritten, end, configs = leaving(log, ring, victim)
        if configs and log.postponed != victim:
            block, more = victim, max(0, overwritten)
            for _ in range(min(_LATER, count - 2)):
                block = (block + 1) % count
                if block == ring.block:
                    continue
                its, its_end, its_configs = leaving(log, ring, block)
                more = max(more, its)
                if not its_configs:
                    log.postponed = postponed = victim
                    ring.cursor = (block - 1) % count
                    victim, overwritten, configs = block, more, ()
                    end = max(end, its_end)
                    break
        _owe(log, overwritten, end, configs)
    _erase(log, victim)
    return postponed


def _erase(log, victim):
    """Erase this page, or refuse: no page with records while nothing that is programmed shows, for
    some minutes at least. Then the journal tries a page that nobody needs.
    """
    ring = log.ring
    holds = (ring.index.seqs[victim] or log.hidden) and (victim != ring.failed or ring.needs)
    if holds and ring.refused < _UNPROVEN and not _is_proven(log.attempts):
        ring.refuse()
    if not ring.make_spare():
        ring.refuse()


def _is_proven(attempts):
    if attempts.failed == attempts.count:
        _try_programs(attempts)
    return attempts.failed != attempts.count


def _try_programs(attempts):
    """Make a page of the journal that nobody needs ready: that counts where programs work."""
    if attempts.journal and attempts.erases:
        ring = attempts.journal.ring
        try:
            ring.attempt()
            if ring.spare >= 0:  # it is ready, but when it was made may be long ago: once more
                ring.cursor = (ring.spare - 1) % ring.index.count
                ring.spare = -1
            victim = ring.victim()
            if not (ring.index.seqs[victim] or ring.is_empty(victim, len(ring.mark))):
                ring.cursor = victim  # it may be the only word of what it holds
            attempts.journal.make_spare()
        except OSError:
            pass


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
