# SPDX-License-Identifier: MIT
"""Which records are in the archive: pages that are new there, or have changed, are looked into.

They are judged by their CRCs and counted; the values in them are unpacked later, for the tables.
"""

from collections.abc import Iterable

from tirta.archive.contents import Contents, KnownPage
from tirta.archive.evidence import StoredPage
from tirta.archive.holes import Loss
from tirta.log import losses
from tirta.log.decode import Log, decode
from tirta_format import meta


def refresh(contents: Contents) -> None:
    """Bring what is known of the stored pages up to date, and keep the configs that they hold.

    Nothing is opened that is as it was. Raises TirtaError where a page cannot be read.
    """
    stored = contents.stored()
    known = {
        sequence: page
        for sequence, page in contents.pages.items()
        if stored.get(sequence) == page.stored and not _readable_now(contents, page)
    }
    fresh = _looked_into(contents, [page for s, page in stored.items() if s not in known])
    if known and any(page.config_hash for page in fresh.values()):
        # Its config lies, in part, in an older page.
        fresh = _looked_into(contents, stored.values())
    # Texts came with the fresh pages.
    known |= fresh
    late = [page.stored for page in known.values() if _readable_now(contents, page)]
    contents.pages = dict(sorted((known | _looked_into(contents, late)).items()))


def _readable_now(contents: Contents, page: KnownPage) -> bool:
    """Whether the text of its config came since its records could not be read for want of it."""
    return bool(page.config_hash) and contents.epoch.has_config(page.config_hash)


def _looked_into(contents: Contents, pages: Iterable[StoredPage]) -> dict[int, KnownPage]:
    by_sequence = {page.sequence: page for page in pages}
    if not by_sequence:
        return {}
    epoch = contents.epoch
    data = ((sequence, page.read()) for sequence, page in by_sequence.items())
    log = decode(data, Log(epoch.node, epoch.number), epoch.configs(), numbers_only=True)
    epoch.keep_configs(log.config_texts)
    return of_log(log, by_sequence)


def of_log(log: Log, stored: dict[int, StoredPage]) -> dict[int, KnownPage]:
    """Return what decoded pages tell, by sequence; `stored` are the same pages on the disk."""
    records = {one.page: tuple(one.ranges()) for one in log.records}
    lost: dict[int, list[Loss]] = {}
    for event in log.events:
        if event.kind == meta.LOSS and (loss := losses.told(event.fields)):
            lost.setdefault(event.page, []).append(loss)
    return {
        one.page: KnownPage(
            stored[one.page],
            one.first_record,
            records.get(one.page, ()),
            bool(one.problems),
            tuple(lost.get(one.page, ())),
            one.config_hash if one.foreign else 0,
        )
        for one in log.verdicts
    }
