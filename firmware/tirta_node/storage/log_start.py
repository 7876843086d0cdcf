# SPDX-License-Identifier: MIT
"""What happens to a log only at a start: its end is found, a boot begins. Called by `unload`."""

from binascii import crc32

from micropython import const

from tirta_format import meta
from tirta_format import page as pages
from tirta_node import unload
from tirta_node.storage.page_index import UNSTEADY
from tirta_node.storage.page_ring import PART, RESUMED

_PATIENCE_MS = const(3600000)  # until a log of which no page can be read is given up
_ODD = "a page of the log shows nothing, damage, or what lies elsewhere"
_PROBE = b"\x7f"
_IDLE = const(1024)  # bytes: three starts that were cut, with what is left out behind each
_EPOCHS = const(0xFFFFFFFF)
_SHOWN = const(38)  # as in page_rows.py
_FULL = const(3584)  # bytes of a page: behind them a note may not fit
_TOTALS = const(24)  # more of them, and those that the config does not name are given up


def start(log, journal, ring, boot, tried):
    """Find log and journal, bring them together, and begin a boot. Whether the config is to be
    logged; whether the boot is to be noted at once; sequence of the newest page, whether the boot
    before was stopped, Unix time in ms of its end. (Numbers: an object would keep its module in
    RAM.) Raises OSError when the flash cannot be read, before anything is written, or refuses.

    `tried`: (epoch, boot, number of the next record) of a start of this power-on that was given up:
    nothing it wrote read back, or it was misled. What it left behind that number after all is of
    the oldest records in `ring`, which are dropped.
    """
    config_hash, counted, random_u32, _ = boot
    found, of_journal = _find_twice(log, journal, random_u32)
    unload.call("tirta_node.storage.page_trouble", "adopt_spare", journal.ring, found.stopped, 0)
    journal.problem = ""
    journal.end = 0  # all that it has goes into the log now
    left = found.left_by(*tried[1:]) if log.epoch == tried[0] else 0
    into = (journal.index, log, counted, config_hash, tried) + of_journal
    brought, more = unload.call("tirta_node.storage.journal_replay", "into_log", *into)
    ring.drop(min(left + more, ring.count()))
    if log.ends():
        begin_epoch(log, random_u32)
        journal.index.begin(log.epoch)
        journal.ring.close()
    changed = use(log, ring.channels, counted, config_hash) or not found.begun
    # Behind an end in order a start leaves its word: else the next one would find that end, and say
    # that nothing is missing. Whatever fails all night ends in no order.
    begins = bool(brought) or found.stopped or found.idle <= _IDLE
    return changed, begins, found.seq, found.stopped, found.end_unix_ms()


def _find_twice(log, journal, random_u32):
    """What two readings of log and journal find, which agree: what misleads both of them lasts, and
    then nothing that is written reads back either. The second one leaves out those headers of the
    log between which nothing can be wrong.
    """
    kept = bytearray(_SHOWN * journal.index.count)
    first, is_odd, *before = _look(log, journal, random_u32, kept, False)
    again = first.epoch > 0 and not first.is_away
    found, _, *now = _look(log, journal, random_u32, kept, again)
    if before != now:
        raise OSError(UNSTEADY)
    hurt, of_journal = now[:2]
    if is_odd and not log.looked:  # what lies there may show in a second
        log.looked = True
        raise OSError(_ODD)
    log.looked = False
    epoch, number, boot = log.sure if log.sure[0] == log.epoch else (log.epoch, 0, 0)
    if number > log.top:  # found before, and destroyed since
        log.hidden += number - log.top
        log.top = number
    log.boot = max(log.boot, boot)
    log.sure = epoch, max(log.number, number), log.boot
    attempts = log.attempts
    attempts.proof = attempts.count
    attempts.trust = min(2, 2 * attempts.trust)
    return found, (kept, hurt, of_journal)


def _look(log, journal, random_u32, kept, again):
    """What one reading finds: the head of the log; whether something is odd, away or damaged; and
    for who compares two, first how many records at most the journal hides, and what
    `journal_replay.look` told.
    """
    log.is_found = False
    of_log = log, journal, kept, again, _drawn(random_u32)
    is_odd, hurt = unload.call("tirta_node.storage.page_rows", "look", *of_log)
    found = _find(log, random_u32, is_patient(log))
    replay = journal.index, log, kept, hurt
    of_journal = unload.call("tirta_node.storage.journal_replay", "look", *replay)
    known = found.mark(), crc32(log.index.seqs), journal.seq, crc32(kept)
    is_odd = is_odd or found.is_away or found.is_damaged
    return (found, is_odd, hurt, of_journal) + known


def check(log):
    """Raises OSError unless the page that is to be written on is there, and goes no further: what
    misled two readings may have ended with them.
    """
    ring = log.ring
    if ring.block >= 0:
        head = log.index.header(ring.block)
        end = min(ring.at + PART, pages.SIZE)
        if head is None or head.seq != log.seq or not ring.is_empty(ring.block, ring.at, end):
            raise OSError(UNSTEADY)


def is_patient(log):
    """Whether it is too early to give up a log or a journal of which no page can be read."""
    return log.clock.uptime_ms() < _PATIENCE_MS


def takes(flash, block):
    """Whether a page that shows nothing is empty: then it shows a bit that is programmed, which
    every page has that is not.
    """
    try:
        flash.program(block, 0, _PROBE)
    except OSError:
        pass
    head = bytearray(1)
    flash.read(block, 0, head)
    return head == _PROBE


def find(log, random_u32):
    """Find the head of the log, to read from it only. Raises OSError when the flash cannot be read:
    then nothing is known.
    """
    log.is_found = False
    unload.call("tirta_node.storage.page_rows", "scan", log.index)
    _find(log, random_u32, False)


def _drawn(random_u32):
    return random_u32 % _EPOCHS + 1


def _find(log, random_u32, patient):
    """Find the head of the log, of whose pages the index knows, or begin one; return what
    `find_head.find` found. Only reads. Raises OSError as that does.
    """
    log.before_note = None
    found = unload.call("tirta_node.storage.find_head", "find", log.flash, log.index, patient)
    log.epoch = found.epoch or _drawn(random_u32)
    if log.epoch != log.index.epoch:
        log.index.begin(log.epoch)
    log.seq = found.seq
    log.boot = found.boot
    log.begun = found.begun_boot
    log.number = min(found.number, _EPOCHS)  # damage at the end of an epoch may hide as many
    log.top = min(found.top, _EPOCHS)
    log.pulled = found.pulled
    log.lost = found.lost
    log.hidden = found.hidden
    log.told = found.told
    log.reason = meta.LOSS_TORN
    log.gone = found.gone
    log.totals = found.totals
    log.channels = log.config_hash = 0
    log.left = log.postponed = -1
    log.owed = [debt for debt in log.owed if not debt[0]]  # what is overwritten is found anew
    log.checked = True
    # Where a boot's first chunk may need it, a start that was cut may have begun its header.
    intact = found.stopped and found.resume < _FULL
    unload.call("tirta_node.storage.page_trouble", "adopt_spare", log.ring, intact, found.skipped)
    if found.resume:
        log.ring.resume(log.index.newest, found.resume, found.page_crc)
        log.page_version = found.version
        log.close_other()
        log.config_hash = found.config_hash
        log.channels = found.channels
        log.checked = found.checked
    log.resumed = found.resume > 0
    log.is_found = True
    return found


def begin_epoch(log, random_u32):
    """Numbers have come to their end: they begin anew. What no laptop has is out of reach."""
    log.hidden += max(0, log.top - max(log.pulled, log.oldest_number()))
    log.reason = meta.LOSS_OVERWRITTEN
    epoch = _drawn(random_u32)
    log.epoch = epoch if epoch != log.epoch else epoch % _EPOCHS + 1
    log.index.begin(log.epoch)
    log.ring.close()
    log.number = log.top = log.pulled = log.boot = log.gone = 0
    log.config_hash = 0
    log.resumed = False


def turn(log, channels, config_hash, boot):
    """Records are of this boot and config from now on; another config needs another page."""
    if config_hash != log.config_hash or channels != log.channels:
        log.ring.close()
    log.channels = channels
    log.config_hash = config_hash
    move(log, boot, log.number)


def move(log, boot, number):
    """The next record is of this boot and has this number, whatever the page's header says."""
    log.boot = boot
    log.number = number
    log.page_slot = -1


def use(log, channels, counted, config_hash):
    """A boot begins, under this config, behind every number that was given; True when its text is
    to be logged.
    """
    same = config_hash == log.config_hash and log.ring.block >= 0
    turn(log, channels, config_hash, log.boot + 1)
    log.number = log.top = max(log.number, log.top)
    count(log, counted)
    if not same and len(log.totals) > _TOTALS:
        log.totals = {name: log.totals[name] for name in counted.values()}
    return not same


def count(log, counted):
    """Keep totals of these channels: names by index."""
    log.counted = counted
    for name in counted.values():
        if name not in log.totals:
            log.totals[name] = 0
            log.checked = False  # a chunk names a total by its place in the checkpoint


def begin(log, holes=()):
    """Write what stands before the notes of a boot, or before what the journal brings: it has
    `holes`, (number behind each, how many records are missing).
    """
    from tirta_node.storage import next_page

    ring = log.ring
    next_page.owe_gone(log)
    next_page.pay(log)
    # What a start programs first is the same in the next one: were it cut, it may show later.
    if ring.room() >= 0 and (not log.checked or ring.taken == RESUMED):
        next_page.checkpoint(log)
        log.checked = True
    for before, count in holes:
        missing = min(count, log.hidden)
        if missing:
            next_page.note_loss(log, log.reason, missing, 0, before)
            log.hidden -= missing
    if log.hidden:
        next_page.note_loss(log, log.reason, log.hidden, 0, max(log.number, log.top))
        log.hidden = 0
        log.told = max(log.told, log.number, log.top)
    if log.resumed and not ring.spare_ready():
        # What an erase takes away is to be on flash before it, and now the page has room for that.
        next_page.leave(log, ring.victim())
    log.resumed = False
