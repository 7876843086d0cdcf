# SPDX-License-Identifier: MIT
"""What goes with a page of the log that is to be erased. Called by `unload`, once a page."""

import struct

from tirta_format import meta, page_chunks
from tirta_format import page as pages
from tirta_node import unload

NOT_FOUND = "the end of the log is not found yet"


def leaving(log, ring, block):
    """(Records that were never pulled, the number behind them, config records that other pages
    refer to). Raises OSError when the page cannot be read: then it is not erased.
    """
    try:
        return _read(log, ring, block)
    except OSError:
        unload.call("tirta_node.storage.page_trouble", "fail", ring, block, 4)
        ring.refuse()


def _read(log, ring, block):
    index = log.index
    head = index.header(block)
    seq = index.seqs[block]
    if head is not None and head.epoch == log.epoch and head.seq != seq:
        if seq or head.seq > log.seq:  # the start was misled: the log is to be found anew
            log.is_found = False
            raise OSError(NOT_FOUND)
        if index.seqs[index.after(head.seq)] == head.seq:
            return 0, 0, ()  # its header alone, programmed here as well
        index.put(block, head)
        seq = head.seq
    if not seq:
        return 0, 0, ()
    end = 0
    after = index.after(seq + 1)
    while after >= 0 and not end:
        end = index.number(after)
        after = index.after(index.seqs[after] + 1)
    end = end or log.number
    # What was passed over before it is as good as gone: its turn comes out of order.
    overwritten = end - max(log.pulled, log.gone or log.oldest_number())
    return overwritten, end, configs_of(log, ring, block)


def configs_of(log, ring, block):
    """The config records in this page that other pages refer to, and that were not logged again."""
    index = log.index
    if not index.seqs[block]:
        return ()
    configs = []
    for payload in _configs(index, block):
        if not holds(configs, payload) and _is_named(index, _hash(payload), block):
            configs.append(payload)
    newest = ring.block
    for _ in range(2):  # where they are, if so: a page looks one further ahead than it needs
        if configs and newest >= 0 and newest != block:
            there = _configs(index, newest)
            configs = [payload for payload in configs if not holds(there, payload)]
            newest = index.before(index.seqs[newest])
    return configs


def _configs(index, block):
    """The config records in this page."""
    page = bytearray(pages.SIZE)
    index.read(block, page)
    head = pages.header(page)
    if (head is None and index.header(block) is not None) or (
        head and head.seq != index.seqs[block]
    ):
        raise OSError("the flash shows another page")
    configs = []
    for kind, at, n in page_chunks.chunks(page, head.crc) if head else ():
        if kind == pages.META and page[at] == meta.CONFIG:
            configs.append(bytes(memoryview(page)[at : at + n]))
    return configs


def holds(configs, payload):
    """Whether one of these records has this part of this config, whenever it was written."""
    part = meta.config_part(payload)
    return any(meta.config_part(each) == part for each in configs)


def _hash(payload):
    return struct.unpack_from("<I", meta.config_part(payload))[0]


def _is_named(index, config_hash, but):
    """Whether a page other than `but` was written under this config."""
    for block in range(index.count):
        if block != but and index.seqs[block]:
            head = index.header(block)
            if head is not None and head.seq != index.seqs[block]:
                raise OSError("the flash shows another page")
            if head is not None and head.config_hash == config_hash:
                return True
    return False
