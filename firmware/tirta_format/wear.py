# SPDX-License-Identifier: MIT
"""How long journal and log last at a pace, and from that: who makes a record durable.

Estimates from above, so that a promise holds: what series of real water took is less. The node asks
once, at a start; the laptop tells the years before a config is applied.
"""

CYCLES = 100000  # erases that a sector is specified for
LEAST_YEARS = 10
# A chunk of so many records is worth its frame. Where the journal would last for fewer years than
# these, chunks are shorter, down to the fewest records, and the commit is one of them.
_WORTH, _FEWEST = 60, 5
_JOURNAL_YEARS = 5
_YEAR_S = 31557600
_PAGE_BYTES = 4000  # without header and what stays empty
_FRAME_BYTES = 9  # of a chunk in the log
_RECORD_BYTES = 19  # of a record in the journal, a chunk of its own with its place,
_VALUE_BYTES = 2  # and of each value in it
_LOG_BITS = 9  # a value in the log: the noisiest series took 8.6


def pages(total):
    """(pages of the journal, of the log) in a partition of `total` pages."""
    journal = max(4, min(20, total // 16))
    return journal, total - journal


def by_chunks(total, columns, interval_ms, commit_ms):
    """Records in a commit, where a commit is a chunk of the log; 0 where the journal takes them."""
    batch = max(1, commit_ms // interval_ms)
    if batch >= _WORTH:
        return batch
    if batch < _FEWEST:
        return 0
    years = _years(pages(total)[0], _journal_bytes(columns, batch), interval_ms * batch)
    return 0 if years >= _JOURNAL_YEARS else batch


def years(total, columns, interval_ms, commit_ms):
    """(years of the journal or None where it is not used, years of the log)."""
    journal, log = pages(total)
    batch = max(1, commit_ms // interval_ms)
    chunk = min(by_chunks(total, columns, interval_ms, commit_ms) or _WORTH, _WORTH)
    size = _FRAME_BYTES + chunk * columns * _LOG_BITS / 8
    of_log = _years(log, size, interval_ms * chunk)
    if by_chunks(total, columns, interval_ms, commit_ms):
        return None, of_log
    return _years(journal, _journal_bytes(columns, batch), interval_ms * batch), of_log


def _journal_bytes(columns, batch):
    """A commit of `batch` records."""
    return batch * (_RECORD_BYTES + columns * _VALUE_BYTES)


def _years(pages, size, every_ms):
    """Of a ring that takes `size` bytes every so many ms."""
    return pages * _PAGE_BYTES / size * every_ms / 1000 * CYCLES / _YEAR_S
